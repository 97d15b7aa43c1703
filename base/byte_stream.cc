#include "base/byte_stream.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace cooper {
namespace {

// A descriptor somebody made non-blocking (a terminal shared with another program) is waited for.
void wait_until_ready(int fd, short events) {
  pollfd entry{.fd = fd, .events = events, .revents = 0};
  while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::uint64_t copy_all(ByteSource& source, ByteSink& sink) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kCopyBufferBytes);
  std::uint64_t moved_bytes = 0;
  for (;;) {
    const std::size_t got = source.read({buffer.get(), kCopyBufferBytes});
    if (got == 0) return moved_bytes;
    sink.write({buffer.get(), got});
    moved_bytes += got;
  }
}

std::string read_all(ByteSource& source, std::size_t limit_bytes, std::string_view what) {
  constexpr std::size_t kFirstBytes = 4096;
  std::string text;
  std::size_t used = 0;
  std::byte beyond{};
  for (;;) {
    if (used == limit_bytes) {
      if (source.read({&beyond, 1}) == 0) break;
      throw Error(Errc::invalid, cat(what, " is larger than ", limit_bytes, " bytes"));
    }
    if (used == text.size()) {
      text.resize(std::min(limit_bytes, std::max(kFirstBytes, used * 2)));
    }
    const std::span<char> room(text.data() + used, text.size() - used);
    const std::size_t got = source.read(std::as_writable_bytes(room));
    if (got == 0) break;
    used += got;
  }
  text.resize(used);
  return text;
}

std::size_t MemorySource::read(std::span<std::byte> into) {
  const std::size_t count = std::min(into.size(), text_.size() - at_);
  if (count != 0) std::memcpy(into.data(), text_.data() + at_, count);
  at_ += count;
  return count;
}

std::size_t FdSource::read(std::span<std::byte> into) {
  for (;;) {
    const ssize_t got = ::read(fd_.get(), into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw_errno("reading", name_);
    wait_until_ready(fd_.get(), POLLIN);
  }
}

void GatheringSink::write(Bytes bytes) {
  constexpr std::size_t kHeldBytes = 64UL * 1024;
  if (held_.size() + bytes.size() <= kHeldBytes) {
    held_.append(as_text(bytes));
    return;
  }
  flush();
  next_.write(bytes);
}

void GatheringSink::finish() {
  flush();
  next_.finish();
}

void GatheringSink::flush() {
  if (!held_.empty()) next_.write(as_bytes(held_));
  held_.clear();
}

void FdSink::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw_errno("writing", name_);
    wait_until_ready(fd_, POLLOUT);
  }
}

LimitSource::LimitSource(std::unique_ptr<ByteSource> source, std::uint64_t limit_bytes,
                         std::string what)
    : source_(std::move(source)),
      left_bytes_(limit_bytes),
      limit_bytes_(limit_bytes),
      what_(std::move(what)) {}

std::size_t LimitSource::read(std::span<std::byte> into) {
  // One byte more than allowed is asked for, so that an input of exactly the limit still ends well.
  if (into.size() > left_bytes_) into = into.first(static_cast<std::size_t>(left_bytes_) + 1);
  const std::size_t got = source_->read(into);
  if (got > left_bytes_) {
    throw Error(Errc::invalid, cat(what_, " is larger than ", limit_bytes_, " bytes"));
  }
  left_bytes_ -= got;
  return got;
}

}  // namespace cooper
