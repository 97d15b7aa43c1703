#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/guarded.h"

namespace cooper {
namespace {

using ::testing::ElementsAre;

TEST(Error, keeps_the_message_apart_from_its_contexts) {
  Error error(Errc::corrupt, "digest mismatch");
  error.add_context("reading layer 3");
  error.add_context("building app");
  EXPECT_EQ(error.code(), Errc::corrupt);
  EXPECT_EQ(error.message(), "digest mismatch");
  EXPECT_THAT(error.contexts(), ElementsAre("building app", "reading layer 3"));
  EXPECT_STREQ(error.what(), "building app: reading layer 3: digest mismatch");
}

TEST(Error, with_context_adds_outermost_first_and_keeps_the_type) {
  try {
    with_context([] { return std::string("outer"); },
                 [] {
                   with_context([] { return cat("inner ", 7); },
                                []() -> int { throw SysError(ENOSPC, "writing x"); });
                 });
    FAIL() << "nothing was thrown";
  } catch (const SysError& error) {
    EXPECT_EQ(error.errnum(), ENOSPC);
    EXPECT_STREQ(error.what(), "outer: inner 7: writing x: No space left on device");
  }
}

TEST(Error, with_context_returns_the_value_and_does_not_describe_success) {
  int described = 0;
  const int value = with_context(
      [&] {
        ++described;
        return std::string();
      },
      [] { return 5; });
  EXPECT_EQ(value, 5);
  EXPECT_EQ(described, 0);
}

TEST(Error, with_context_leaves_other_exceptions_alone) {
  EXPECT_THROW(with_context([] { return std::string("x"); }, [] { throw std::length_error("y"); }),
               std::length_error);
}

TEST(SysError, code_follows_errno) {
  const struct {
    int errnum;
    Errc code;
  } rows[] = {
      {ENOENT, Errc::not_found}, {EACCES, Errc::denied}, {EPERM, Errc::denied},
      {EIO, Errc::io},           {ENOSPC, Errc::io},     {ENOTDIR, Errc::io},
  };
  for (const auto& row : rows) EXPECT_EQ(SysError(row.errnum, "x").code(), row.code) << row.errnum;
}

TEST(SysError, names_even_unknown_numbers) {
  EXPECT_STREQ(SysError(99999, "x").what(), "x: error number 99999");
}

TEST(Error, where_it_was_interrupted_is_not_told) {
  try {
    with_context([] { return std::string("step 3"); },
                 [] { throw Error(Errc::cancelled, "interrupted"); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "interrupted");
  }
}

TEST(SysError, throw_errno_takes_errno_as_it_was) {
  errno = EACCES;
  try {
    throw_errno("opening", "/a/b");
  } catch (const SysError& error) {
    EXPECT_EQ(error.errnum(), EACCES);
    EXPECT_STREQ(error.what(), "opening /a/b: Permission denied");
  }
}

TEST(Errc, every_value_has_its_own_name) {
  EXPECT_EQ(to_string(Errc::not_found), "not_found");
  EXPECT_EQ(to_string(Errc::invalid), "invalid");
  EXPECT_EQ(to_string(Errc::unsupported), "unsupported");
  EXPECT_EQ(to_string(Errc::corrupt), "corrupt");
  EXPECT_EQ(to_string(Errc::denied), "denied");
  EXPECT_EQ(to_string(Errc::network), "network");
  EXPECT_EQ(to_string(Errc::io), "io");
  EXPECT_EQ(to_string(Errc::step_failed), "step_failed");
  EXPECT_EQ(to_string(Errc::cancelled), "cancelled");
}

TEST(Guarded, gives_the_value_to_the_body_and_returns_its_result) {
  Guarded<std::string> guarded("ab");
  guarded.with([](std::string& text) { text += 'c'; });
  const auto& view = guarded;
  EXPECT_EQ(view.with([](const std::string& text) { return text; }), "abc");
}

}  // namespace
}  // namespace cooper
