// Copies of a kind that the store has no record of: their layer comes before their key.
#include "builder/step_error.h"
#include "tests/builder/executor_fixture.h"

namespace cooper::builder {
namespace {

class FirstCopy : public ExecutorTest {
 protected:
  // With a file of the context swapped after the look-up pass for one of the same size and time:
  // only the bytes tell.
  Built build_swapping(const std::string& name, const std::string& text) {
    const auto before = fs::last_write_time(path("context") / name);
    before_running_ = [this, name, before] {
      put(name, "new");
      fs::last_write_time(path("context") / name, before);
    };
    return build(text);
  }
};

TEST_F(FirstCopy, CACHE_03_after_it_a_file_swapped_since_its_digest_was_taken_gives_no_record) {
  const std::string text = "FROM scratch\nCOPY a /x\n";
  put("a", "first of its kind");
  EXPECT_EQ(build(text).told, "done");
  put("a", "old");
  try {
    build_swapping("a", text);
    FAIL() << "the new bytes got the old key";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::io);
    EXPECT_HAS(error.what(), "changed");
  }
  EXPECT_EQ(build(text).told, "done");
}

TEST_F(FirstCopy, CACHE_14_is_none_where_one_build_has_two_alike_which_are_known_by_their_key) {
  put("a", "old");
  EXPECT_THROW(build_swapping("a",
                              "FROM scratch AS one\nCOPY a /x\nFROM scratch AS two\nCOPY a /x\n"
                              "FROM scratch\nCOPY --from=one x /1\nCOPY --from=two x /2\n"),
               StepError);
}

// It is read when it is written: a swap before that is no swap.
TEST_F(FirstCopy, CACHE_03_has_the_key_of_what_was_written) {
  const std::string text = "FROM scratch\nCOPY d /\n";
  fs::create_directories(path("context/d"));
  put("d/a", "old");
  const Built first = build_swapping("d/a", text);
  EXPECT_EQ(entries(first.rootfs.layers()[0]).at("a").content, digest_of("new"));
  const Built again = build(text);
  EXPECT_EQ(again.told, "cached");
  EXPECT_EQ(again.rootfs.layers(), first.rootfs.layers());
  put("d/a", "old");
  EXPECT_EQ(entries(build(text).rootfs.layers()[0]).at("a").content, digest_of("old"));
}

// What is noted of it only saves looking through all records.
TEST_F(FirstCopy, CACHE_19_is_none_whose_kind_is_in_the_records_but_not_noted) {
  put("a", "1");
  const std::string text = "FROM scratch\nCOPY a /x\n";
  const Built first = build(text);
  const auto kinds = store_->facts("copied");
  ASSERT_EQ(kinds.size(), 1U);
  store_->drop_fact("copied", kinds.begin()->first);
  const Built again = build(text);
  EXPECT_EQ(again.told, "cached");
  EXPECT_EQ(again.rootfs.layers(), first.rootfs.layers());
  EXPECT_EQ(again.events, std::vector<std::string>{"open "});  // nothing was started
  EXPECT_EQ(store_->facts("copied"), kinds);
}

}  // namespace
}  // namespace cooper::builder
