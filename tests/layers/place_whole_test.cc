// The contents of a source directory are placed as a whole where nothing of the instruction lies
// yet, else one by one: the layer must be the same.
#include <gtest/gtest.h>

#include "tests/layers/copy_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

Context sample() {
  Context context;
  context.file("s/a/keep", "1").file("s/a/drop").file("s/a/b/deep", "2").dir("s/a/b", 0711);
  context.file("s/lead", "linked").hard("s/z/again", "s/lead").link("s/to", "a/b").dir("s/none");
  context.file("first", "alone");
  return context;
}

// COPY of the directory alone, and behind a file, which leaves no room for a whole.
void expect_equal_layers(const std::vector<Item>& below, const std::vector<std::string>& excludes,
                         const std::string& destination) {
  const Context context = sample();
  Copy whole(context.tree(), {"s"}, destination);
  Copy single(context.tree(), {"first", "s"}, destination);
  for (Copy* copy : {&whole, &single}) {
    copy->below = below;
    copy->request.exclude = filter(excludes);
    copy->options.chown = Owner{7, 8};
    copy->options.chmod = ModeChange::parse("go-r");
  }
  Layer expected = single.run();
  ASSERT_EQ(expected.erase(destination == "/" ? "/first" : destination + "first"), 1U);
  EXPECT_EQ(lines(whole.run()), lines(expected));
}

TEST(PlaceWhole, gives_the_layer_of_one_by_one) {
  for (const std::string destination : {"/t/", "/"}) {
    const std::string at = destination == "/" ? "" : "t/";
    Item owned = dir_item(at + "a", 0700);
    owned.entry.uid = 12;
    std::vector<std::vector<Item>> belows = {
        {},
        {owned, file_item(at + "a/keep", "old"), dir_item(at + "a/other")},
        {dir_item(at + "z")}};
    for (std::vector<Item>& below : belows) {
      if (!at.empty()) below.insert(below.begin(), dir_item("t", 0750));
      expect_equal_layers(below, {}, destination);
      expect_equal_layers(below, {"a", "!a/b/deep", "none"}, destination);
      expect_equal_layers(below, {"a/*", "!a/b/deep"}, destination);
    }
  }
}

TEST(PlaceWhole, what_cannot_be_replaced_is_refused) {
  const Context context = sample();
  Copy copy(context.tree(), {"s"}, "/t");
  copy.below = {dir_item("t"), dir_item("t/a"), dir_item("t/a/keep")};
  expect_error(Errc::invalid, {"/t/a/keep"}, [&] { static_cast<void>(copy.run()); });
  copy.below = {dir_item("t"), file_item("t/a", "x")};
  expect_error(Errc::invalid, {"non-directory", "/t/a"}, [&] { static_cast<void>(copy.run()); });
}

TEST(PlaceWhole, later_sources_win) {
  Context context;
  context.file("one/d/f", "1").file("one/d/g", "1").file("one/h", "1");
  context.file("two/d/f", "2").file("two/e", "2").file("h", "3");
  EXPECT_EQ(lines(Copy(context.tree(), {"one", "two", "h"}, "/").run()),
            "/d directory 755 0:0 source\n/d/f file 644 0:0 source '2'\n"
            "/d/g file 644 0:0 source '1'\n/e file 644 0:0 source '2'\n"
            "/h file 644 0:0 source '3'\n");
  Context clash;
  clash.file("one/x/f").file("two/x");
  expect_error(Errc::invalid, {"/x"}, [&] {
    static_cast<void>(Copy(clash.tree(), {"one", "two"}, "/").run());
  });
}

// A member of an archive that removes a part of what lies there.
TEST(PlaceWhole, an_archive_replaces_a_part) {
  tests::TarBuilder tar;
  tar.file("d/sub", "file now").hard_link("d/new", "d/f").file("h", "tar");
  Context context;
  context.file("s/d/sub/x").file("s/d/f", "f").file("s/h").file("archive", tar.finish());
  Copy copy(context.tree(), {"s", "archive"}, "/t/");
  copy.request.unpack_archives = true;
  EXPECT_EQ(names(copy.run()), "/t /t/d /t/d/f /t/d/new /t/d/sub /t/h");
  const Layer layer = copy.run();
  EXPECT_EQ(layer.at("/t/d/sub").content, "file now");
  EXPECT_EQ(layer.at("/t/h").content, "tar");
}

}  // namespace
}  // namespace cooper::layers
