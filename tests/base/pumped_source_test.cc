#include "base/pumped_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "base/error.h"

namespace cooper {
namespace {

std::string numbers(std::size_t bytes) {
  std::string text;
  for (int n = 0; text.size() < bytes; ++n) text += std::to_string(n) + ' ';
  text.resize(bytes);
  return text;
}

class CountedSource : public ByteSource {
 public:
  CountedSource(std::string text, std::atomic<std::size_t>& taken)
      : inner_(std::move(text)), taken_(taken) {}
  std::size_t read(std::span<std::byte> into) override {
    const std::size_t got = inner_.read(into);
    taken_ += got;
    return got;
  }

 private:
  MemorySource inner_;
  std::atomic<std::size_t>& taken_;
};

TEST(PumpedSource, gives_what_is_written_in_pieces_of_any_size) {
  for (const std::size_t size : {0UL, 1UL, 262144UL, 262145UL, 9'000'001UL}) {
    const std::string text = numbers(size);
    PumpedSource source([&](ByteSink& sink) {
      for (std::size_t at = 0, step = 1; at < text.size();
           at += step, step = step * 3 % 300'007 + 1) {
        sink.write(as_bytes(std::string_view(text).substr(at, step)));
      }
    });
    EXPECT_EQ(read_all(source, size + 1, "test"), text);
    std::byte more;
    EXPECT_EQ(source.read({&more, 1}), 0U);  // stays at its end
  }
}

TEST(PumpedSource, a_failure_comes_after_the_bytes_before_it) {
  PumpedSource source([](ByteSink& sink) {
    sink.write(as_bytes("before"));
    throw Error(Errc::corrupt, "broke");
  });
  std::string got(100, '\0');
  const std::size_t size = source.read(std::as_writable_bytes(std::span(got)));
  EXPECT_EQ(got.substr(0, size), "before");
  for (int i = 0; i < 2; ++i) {
    try {
      source.read(std::as_writable_bytes(std::span(got)));
      FAIL() << "no failure";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::corrupt);
    }
  }
}

TEST(PumpedSource, a_producer_that_nobody_reads_ends) {
  std::atomic<std::size_t> written = 0;
  bool cancelled = false;
  {
    PumpedSource source([&](ByteSink& sink) {
      try {
        for (;;) {
          sink.write(as_bytes(std::string(100'000, 'x')));
          written += 100'000;
        }
      } catch (const Error& error) {
        cancelled = error.code() == Errc::cancelled;
        throw;
      }
    });
  }
  EXPECT_TRUE(cancelled);
  EXPECT_LE(written, PumpedSource::kAheadBytes + 600'000);
}

TEST(ReadAhead, gives_the_same_bytes_and_runs_no_further_ahead_than_it_says) {
  const std::string text = numbers(12'000'000);
  std::atomic<std::size_t> taken = 0;
  const auto source = read_ahead(std::make_unique<CountedSource>(text, taken));
  std::string got;
  std::string part(70'000, '\0');
  while (const std::size_t size = source->read(std::as_writable_bytes(std::span(part)))) {
    got.append(part, 0, size);
    EXPECT_LE(taken, got.size() + PumpedSource::kAheadBytes + 2 * kCopyBufferBytes);
  }
  EXPECT_TRUE(got == text);
}

}  // namespace
}  // namespace cooper
