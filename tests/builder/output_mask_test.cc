#include "builder/output_mask.h"

#include <gtest/gtest.h>

namespace cooper::builder {
namespace {

// text through a mask, cut into pieces of every size.
void expect_masked(const std::vector<std::string>& secrets, const std::string& text, const std::string& expected) {
  const OutputMask mask(secrets);
  for (std::size_t size = 1; size <= text.size(); ++size) {
    OutputMask::Stream stream(mask);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) out += stream.pass(text.substr(at, size));
    out += stream.finish();
    EXPECT_EQ(out, expected) << "in pieces of " << size;
  }
}

TEST(OutputMask, MNT_21_SEC_06_a_secret_becomes_four_asterisks) {
  expect_masked({"hunter2"}, "password hunter2, again hunter2hunter2\n", "password ****, again ********\n");
}

TEST(OutputMask, what_only_looks_alike_passes) {
  expect_masked({"hunter2"}, "hunter hunt hunterhunter2 huhunter2h", "hunter hunt hunter**** hu****h");
}

TEST(OutputMask, of_two_that_begin_alike_the_longer_one_is_taken) {
  expect_masked({"abc", "abcdef"}, "abcdef abcdex abc", "**** ****dex ****");
}

TEST(OutputMask, line_ends_at_the_end_of_a_secret_do_not_count) {
  expect_masked({"token-1\n"}, "[token-1]\n", "[****]\n");
}

TEST(OutputMask, longer_lines_of_a_secret_are_secrets) {
  expect_masked({"first line\nx\nsecond line\n"}, "see second line and x", "see **** and x");
  expect_masked({"first line\nx\nsecond line\n"}, "first line\nx\nsecond line\n", "****\n");
}

TEST(OutputMask, what_is_too_short_to_be_a_secret_is_left_alone) {
  EXPECT_TRUE(OutputMask({"", "1", "ab\n"}).empty());
  expect_masked({"1"}, "step 1 of 1", "step 1 of 1");
}

TEST(OutputMask, only_what_may_be_a_beginning_is_held_back) {
  const OutputMask mask({"hunter2"});
  OutputMask::Stream stream(mask);
  EXPECT_EQ(stream.pass("Name? "), "Name? ");
  EXPECT_EQ(stream.pass("a hunt"), "a ");
  EXPECT_EQ(stream.pass("!"), "hunt!");
}

}  // namespace
}  // namespace cooper::builder
