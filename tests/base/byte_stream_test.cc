#include "base/byte_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <thread>

#include "base/error.h"

namespace cooper {
namespace {

// Gives one byte per read, and remembers how often it was asked after its end.
class DripSource : public ByteSource {
 public:
  explicit DripSource(std::string text) : inner_(std::move(text)) {}
  std::size_t read(std::span<std::byte> into) override { return inner_.read(into.first(1)); }

 private:
  MemorySource inner_;
};

class FinishSink : public StringSink {
 public:
  void finish() override { ++finished; }
  int finished = 0;
};

std::string drain(ByteSource& source) {
  StringSink sink;
  copy_all(source, sink);
  return sink.text;
}

TEST(CopyAll, moves_everything_and_counts) {
  const std::string text(2 * kCopyBufferBytes + 7, 'x');
  MemorySource source(text);
  StringSink sink;
  EXPECT_EQ(copy_all(source, sink), text.size());
  EXPECT_EQ(sink.text, text);
  EXPECT_EQ(copy_all(source, sink), 0U);
}

// Remembers where one write ended and the next began.
class PieceSink : public FinishSink {
 public:
  void write(Bytes bytes) override {
    FinishSink::write(bytes);
    sizes.push_back(bytes.size());
  }
  std::vector<std::size_t> sizes;
};

TEST(GatheringSink, small_pieces_become_one_write_and_stay_before_large_ones) {
  PieceSink sink;
  GatheringSink gathered(sink);
  const std::string large(100'000, 'x');
  gathered.write(as_bytes("ab"));
  gathered.write(as_bytes("cd"));
  EXPECT_TRUE(sink.sizes.empty());
  gathered.write(as_bytes(large));
  gathered.write(as_bytes("e"));
  gathered.finish();
  EXPECT_EQ(sink.text, "abcd" + large + "e");
  EXPECT_EQ(sink.sizes, (std::vector<std::size_t>{4, 100'000, 1}));
  EXPECT_EQ(sink.finished, 1);
}

TEST(ReadAll, up_to_the_limit_and_not_a_byte_more) {
  const struct {
    std::size_t size;
    std::size_t limit;
    bool fits;
  } rows[] = {{0, 0, true},       {1, 0, false},       {5, 5, true},         {6, 5, false},
              {4096, 4096, true}, {4097, 4096, false}, {9000, 1 << 20, true}};
  for (const auto& row : rows) {
    const std::string text(row.size, 'q');
    DripSource drip(text);
    MemorySource memory(text);
    for (ByteSource* source :
         {static_cast<ByteSource*>(&drip), static_cast<ByteSource*>(&memory)}) {
      if (row.fits) {
        EXPECT_EQ(read_all(*source, row.limit, "the file"), text);
        continue;
      }
      try {
        static_cast<void>(read_all(*source, row.limit, "the file"));
        ADD_FAILURE() << row.size << " bytes passed a limit of " << row.limit;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::invalid);
        EXPECT_EQ(error.message(), cat("the file is larger than ", row.limit, " bytes"));
      }
    }
  }
}

TEST(LimitSource, passes_what_fits_and_refuses_the_byte_after) {
  for (const std::size_t limit : {0UL, 1UL, 9UL, 10UL, 11UL}) {
    for (const bool drip : {false, true}) {
      std::unique_ptr<ByteSource> inner;
      if (drip) {
        inner = std::make_unique<DripSource>("0123456789");
      } else {
        inner = std::make_unique<MemorySource>("0123456789");
      }
      LimitSource source(std::move(inner), limit, "the blob");
      if (limit >= 10) {
        EXPECT_EQ(drain(source), "0123456789");
      } else {
        EXPECT_THROW(drain(source), Error) << limit;
      }
    }
  }
}

TEST(LimitSource, the_largest_limit_is_no_limit) {
  LimitSource source(std::make_unique<MemorySource>("abc"), UINT64_MAX, "x");
  EXPECT_EQ(drain(source), "abc");
}

TEST(Sinks, count_and_tee_pass_bytes_and_finish_on) {
  FinishSink first;
  FinishSink second;
  TeeSink tee(first, second);
  CountingSink counting(tee);
  counting.write(as_bytes("abc"));
  counting.write(as_bytes(""));
  counting.write(as_bytes("de"));
  counting.finish();
  EXPECT_EQ(counting.count(), 5U);
  EXPECT_EQ(first.text, "abcde");
  EXPECT_EQ(second.text, "abcde");
  EXPECT_EQ(first.finished, 1);
  EXPECT_EQ(second.finished, 1);
}

TEST(FdStreams, carry_more_than_a_pipe_holds) {
  Pipe pipe = make_pipe();
  const std::string text(1 << 20, 'p');
  std::thread writer(
      [&, end = std::move(pipe.write_end)] { FdSink(end.get(), "pipe").write(as_bytes(text)); });
  FdSource source(std::move(pipe.read_end), "pipe");
  EXPECT_EQ(drain(source).size(), 0U + text.size());
  writer.join();
}

TEST(FdStreams, wait_on_descriptors_that_do_not_block) {
  Pipe pipe = make_pipe();
  ASSERT_EQ(::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK), 0);
  ASSERT_EQ(::fcntl(pipe.write_end.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string text(1 << 20, 'n');
  std::string got;
  std::thread reader([&, end = std::move(pipe.read_end)]() mutable {
    FdSource source(std::move(end), "pipe");
    got = drain(source);
  });
  FdSink(pipe.write_end.get(), "pipe").write(as_bytes(text));
  pipe.write_end.reset();
  reader.join();
  EXPECT_EQ(got, text);
}

TEST(FdStreams, failures_name_the_stream) {
  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  try {
    FdSink(full.get(), "out.tar").write(as_bytes("x"));
    FAIL() << "a full device took a byte";
  } catch (const SysError& error) {
    EXPECT_EQ(error.errnum(), ENOSPC);
    EXPECT_STREQ(error.what(), "writing out.tar: No space left on device");
  }
  FdSource source(UniqueFd(::open("/", O_RDONLY | O_CLOEXEC)), "the root");
  try {
    drain(source);
    FAIL() << "a directory was read";
  } catch (const SysError& error) {
    EXPECT_EQ(error.errnum(), EISDIR);
  }
}

}  // namespace
}  // namespace cooper
