#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "builder/export.h"

namespace cooper::builder {
namespace {

// The mode open(2) would have given; mkostemp makes 0600.
mode_t default_file_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path)
    : path_(path), temporary_(path.string() + ".XXXXXX") {
  if (std::filesystem::is_directory(path)) {
    throw Error(Errc::invalid, cat("destination file is a directory: ", path.string()));  // OUT-03
  }
  if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) {
    temporary_.clear();  // a device or a pipe is written to, never replaced by a file
    fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd_) throw_errno("opening", path.string());
    return;
  }
  fd_ = UniqueFd(::mkostemp(temporary_.data(), O_CLOEXEC));
  if (!fd_) throw_errno("creating", path.string());
  static_cast<void>(::fchmod(fd_.get(), default_file_mode()));
}

AtomicFile::~AtomicFile() {
  if (fd_ && !temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(Bytes bytes) { FdSink(fd_.get(), path_.string()).write(bytes); }

void AtomicFile::publish() {
  if (!temporary_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw_errno("writing", path_.string());
  }
  fd_.reset();
}

}  // namespace cooper::builder
