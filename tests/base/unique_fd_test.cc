#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace cooper {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}
bool closes_on_exec(int fd) {
  return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

TEST(UniqueFd, closes_at_the_end_of_its_life_and_keeps_errno) {
  int number = -1;
  {
    const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = fd.get();
    ASSERT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
  errno = ENOSPC;
  { const UniqueFd closed_by_somebody_else(number); }
  EXPECT_EQ(errno, ENOSPC);
}

TEST(UniqueFd, move_assignment_closes_what_was_held) {
  UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd second(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int old = first.get();
  const int kept = second.get();
  first = std::move(second);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(first.get(), kept);
  first.reset();
  EXPECT_FALSE(is_open(kept));
  EXPECT_FALSE(first);
}

TEST(UniqueFd, release_gives_up_ownership) {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd taken(fd.release());
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(taken.get()));
}

TEST(UniqueFd, duplicate_closes_on_exec_and_is_not_a_standard_descriptor) {
  const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd copy = fd.duplicate();
  EXPECT_NE(copy.get(), fd.get());
  EXPECT_GE(copy.get(), 3);
  EXPECT_TRUE(closes_on_exec(copy.get()));
}

TEST(UniqueFd, duplicate_of_nothing_fails) {
  EXPECT_THROW(static_cast<void>(UniqueFd().duplicate()), SysError);
}

TEST(Pipe, both_ends_close_on_exec_and_carry_bytes) {
  Pipe pipe = make_pipe();
  EXPECT_TRUE(closes_on_exec(pipe.read_end.get()));
  EXPECT_TRUE(closes_on_exec(pipe.write_end.get()));
  ASSERT_EQ(::write(pipe.write_end.get(), "hi", 2), 2);
  pipe.write_end.reset();
  std::array<char, 4> buffer{};
  EXPECT_EQ(::read(pipe.read_end.get(), buffer.data(), buffer.size()), 2);
  EXPECT_EQ(::read(pipe.read_end.get(), buffer.data(), buffer.size()), 0);
}

}  // namespace
}  // namespace cooper
