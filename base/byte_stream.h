// Byte sources and sinks that stack: count, limit, tee, read from memory or a descriptor.
//
// A source is pulled (read), a sink is pushed (write). Neither is thread-safe. A decorator borrows
// the stream it wraps unless it takes a unique_ptr.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace cooper {

using Bytes = std::span<const std::byte>;
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills at most into.size() bytes; 0 means the end (into must not be empty). Throws on failure.
  virtual std::size_t read(std::span<std::byte> into) = 0;
  // Of a source that is nothing but a descriptor's bytes from where it stands: that one, for the
  // kernel to copy from. -1: another kind.
  virtual int descriptor() const noexcept { return -1; }
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Takes all of bytes or throws.
  virtual void write(Bytes bytes) = 0;
  // Flushes whatever the sink holds back (a compressor's tail). Called once, after the last write.
  // Decorators pass it on.
  virtual void finish() {}
};

constexpr std::size_t kCopyBufferBytes = 256UL * 1024;

// Pumps source to its end into sink (finish is left to the caller); returns the bytes moved.
std::uint64_t copy_all(ByteSource& source, ByteSink& sink);
// Reads at most limit_bytes; Error(invalid) naming `what` if there is more.
std::string read_all(ByteSource& source, std::size_t limit_bytes, std::string_view what);

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string text) : text_(std::move(text)) {}
  std::size_t read(std::span<std::byte> into) override;

 private:
  std::string text_;
  std::size_t at_ = 0;
};

class StringSink : public ByteSink {
 public:
  void write(Bytes bytes) override { text.append(as_text(bytes)); }
  std::string text;
};

class NullSink : public ByteSink {
 public:
  void write(Bytes) override {}
};

// Owns the descriptor. name appears in errors.
class FdSource : public ByteSource {
 public:
  FdSource(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  std::size_t read(std::span<std::byte> into) override;
  int descriptor() const noexcept override { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string name_;
};

// Borrows the descriptor.
class FdSink : public ByteSink {
 public:
  FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  void write(Bytes bytes) override;

 private:
  int fd_;
  std::string name_;
};

class CountingSink : public ByteSink {
 public:
  explicit CountingSink(ByteSink& next) : next_(next) {}
  void write(Bytes bytes) override {
    next_.write(bytes);
    count_ += bytes.size();
  }
  void finish() override { next_.finish(); }
  std::uint64_t count() const noexcept { return count_; }

 private:
  ByteSink& next_;
  std::uint64_t count_ = 0;
};

// Holds small pieces back until they make up one large write. finish() writes the last.
class GatheringSink : public ByteSink {
 public:
  explicit GatheringSink(ByteSink& next) : next_(next) {}
  void write(Bytes bytes) override;
  void finish() override;

 private:
  void flush();

  ByteSink& next_;
  std::string held_;
};

class TeeSink : public ByteSink {
 public:
  TeeSink(ByteSink& first, ByteSink& second) : first_(first), second_(second) {}
  void write(Bytes bytes) override {
    first_.write(bytes);
    second_.write(bytes);
  }
  void finish() override {
    first_.finish();
    second_.finish();
  }

 private:
  ByteSink& first_;
  ByteSink& second_;
};

// At most limit_bytes of the source it owns; one byte more is Error(invalid) "what is larger than
// …".
class LimitSource : public ByteSource {
 public:
  LimitSource(std::unique_ptr<ByteSource> source, std::uint64_t limit_bytes, std::string what);
  std::size_t read(std::span<std::byte> into) override;

 private:
  std::unique_ptr<ByteSource> source_;
  std::uint64_t left_bytes_;
  std::uint64_t limit_bytes_;
  std::string what_;
};

}  // namespace cooper
