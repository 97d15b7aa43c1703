#include "layers/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/temp_dir.h"

namespace cooper::layers {
namespace {

constexpr std::string_view kName = "the spooled files of an archive";

class MemoryStretch : public ByteSource {
 public:
  explicit MemoryStretch(std::string_view bytes) : rest_(bytes) {}
  std::size_t read(std::span<std::byte> into) override {
    const std::size_t size = std::min(into.size(), rest_.size());
    std::copy_n(as_bytes(rest_).begin(), size, into.begin());
    rest_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view rest_;
};

class FileStretch : public ByteSource {
 public:
  FileStretch(int fd, Spool::Stretch stretch) : fd_(fd), rest_(stretch) {}
  std::size_t read(std::span<std::byte> into) override {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), rest_.size_bytes));
    if (wanted == 0) return 0;
    ssize_t got = -1;
    do {
      got = ::pread(fd_, into.data(), wanted, static_cast<off_t>(rest_.offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw_errno("reading", kName);
    if (got == 0) throw Error(Errc::io, cat(kName, " ended early"));
    rest_.offset += static_cast<std::uint64_t>(got);
    rest_.size_bytes -= static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

 private:
  int fd_;
  Spool::Stretch rest_;
};

// Has no name by the time it is returned, so that it disappears with its descriptor.
UniqueFd unnamed_file(const TempDir& directory) {
  return directory.dir().open_file(TreePath::clean("spool"), O_RDWR | O_CREAT | O_EXCL, 0600);
}

}  // namespace

Spool::Stretch Spool::append(ByteSource& source) {
  Stretch stretch{size_bytes_, 0};
  std::array<std::byte, 64 * 1024> buffer;
  for (;;) {
    const std::size_t got = source.read(buffer);
    if (got == 0) break;
    write(Bytes(buffer).first(got));
  }
  stretch.size_bytes = size_bytes_ - stretch.offset;
  return stretch;
}

void Spool::write(Bytes bytes) {
  if (!file_ && memory_.size() + bytes.size() > memory_bytes_) start_file();
  if (file_) {
    FdSink(file_.get(), std::string(kName)).write(bytes);
  } else {
    memory_.append(as_text(bytes));
  }
  size_bytes_ += bytes.size();
}

void Spool::start_file() {
  constexpr const char* kPrefix = "cooper-spool-";
  file_ = directory_ != nullptr ? unnamed_file(TempDir(*directory_, kPrefix))
                                : unnamed_file(TempDir::in_host_tmp(kPrefix));
  FdSink(file_.get(), std::string(kName)).write(as_bytes(memory_));
  memory_ = std::string();
}

std::unique_ptr<ByteSource> Spool::open(const Stretch& stretch) const {
  if (file_) return std::make_unique<FileStretch>(file_.get(), stretch);
  return std::make_unique<MemoryStretch>(
      std::string_view(memory_).substr(stretch.offset, stretch.size_bytes));
}

}  // namespace cooper::layers
