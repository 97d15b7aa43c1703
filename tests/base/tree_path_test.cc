#include "base/tree_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace cooper {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_view_literals;

struct Row {
  std::string_view text;
  std::string_view cleaned;
  bool confined;  // try_confined gives the same; else nullopt
};

constexpr Row kRows[] = {
    {"", "", true},
    {"/", "", true},
    {".", "", true},
    {"./", "", true},
    {"//.//./", "", true},
    {"a", "a", true},
    {"/a", "a", true},
    {"a/", "a", true},
    {"./a/./b//c/", "a/b/c", true},
    {"a/..", "", true},
    {"a/../b", "b", true},
    {"a/b/../../c", "c", true},
    {"a/b/..", "a", true},
    {"...", "...", true},
    {"a/..b/.c./d..", "a/..b/.c./d..", true},
    {" ", " ", true},
    {"a\\..\\b", "a\\..\\b", true},
    {"\xff\xfe/\x01", "\xff\xfe/\x01", true},
    {"..", "", false},
    {"/..", "", false},
    {"../a", "a", false},
    {"/../a/./b/", "a/b", false},
    {"a/../../b", "b", false},
    {"a/../../a/b", "a/b", false},
    {"./../a", "a", false},
    {"a/b/../../../c", "c", false},
    {"//../a", "a", false},
};

TEST(TreePath, clean_stands_at_the_root) {
  for (const Row& row : kRows) EXPECT_EQ(TreePath::clean(row.text).str(), row.cleaned) << row.text;
}

TEST(TreePath, try_confined_refuses_what_climbs_out) {
  for (const Row& row : kRows) {
    const auto path = TreePath::try_confined(row.text);
    ASSERT_EQ(path.has_value(), row.confined) << row.text;
    if (path) {
      EXPECT_EQ(path->str(), row.cleaned) << row.text;
    }
  }
}

TEST(TreePath, nul_never_gets_in) {
  for (const auto text : {"\0"sv, "a\0b"sv, "a/\0"sv}) {
    EXPECT_THROW(static_cast<void>(TreePath::clean(text)), Error);
    EXPECT_EQ(TreePath::try_confined(text), std::nullopt);
    EXPECT_THROW(static_cast<void>(TreePath().child(text)), Error);
  }
}

TEST(TreePath, the_root) {
  const TreePath root;
  EXPECT_TRUE(root.is_root());
  EXPECT_EQ(root.absolute(), "/");
  EXPECT_EQ(root.name(), "");
  EXPECT_TRUE(root.parent().is_root());
  EXPECT_THAT(root.components(), IsEmpty());
  EXPECT_EQ(root.child("a").str(), "a");
  EXPECT_TRUE((root / root).is_root());
}

TEST(TreePath, its_parts) {
  const TreePath path = TreePath::clean("a/bc/d");
  EXPECT_FALSE(path.is_root());
  EXPECT_EQ(path.absolute(), "/a/bc/d");
  EXPECT_EQ(path.name(), "d");
  EXPECT_EQ(path.parent().str(), "a/bc");
  EXPECT_THAT(path.components(), ElementsAre("a", "bc", "d"));
  EXPECT_EQ(TreePath::clean("a").parent().str(), "");
  EXPECT_EQ(TreePath::clean("a").name(), "a");
}

TEST(TreePath, contains_compares_whole_components) {
  const auto contains = [](std::string_view a, std::string_view b) {
    return TreePath::clean(a).contains(TreePath::clean(b));
  };
  EXPECT_TRUE(contains("", ""));
  EXPECT_TRUE(contains("", "a"));
  EXPECT_TRUE(contains("a", "a"));
  EXPECT_TRUE(contains("a", "a/b/c"));
  EXPECT_FALSE(contains("a", "ab"));
  EXPECT_FALSE(contains("a/b", "a"));
  EXPECT_FALSE(contains("a", ""));
}

TEST(TreePath, relative_is_what_joins_to_the_other) {
  const auto relative = [](std::string_view a, std::string_view b) {
    return TreePath::clean(a).relative(TreePath::clean(b)).str();
  };
  EXPECT_EQ(relative("", "a/b"), "a/b");
  EXPECT_EQ(relative("a", "a/b/c"), "b/c");
  EXPECT_EQ(relative("a/b", "a/b"), "");
}

TEST(TreePath, join) {
  EXPECT_EQ((TreePath::clean("a") / TreePath::clean("b/c")).str(), "a/b/c");
  EXPECT_EQ((TreePath() / TreePath::clean("b")).str(), "b");
  EXPECT_EQ((TreePath::clean("a") / TreePath()).str(), "a");
}

TEST(TreePath, child_takes_one_component_only) {
  EXPECT_EQ(TreePath::clean("a").child("..b").str(), "a/..b");
  for (const auto bad : {"", ".", "..", "b/c", "/", "b/"}) {
    EXPECT_THROW(static_cast<void>(TreePath::clean("a").child(bad)), Error) << bad;
  }
}

TEST(TreePath, a_subtree_is_one_range_right_after_its_directory) {
  const std::vector<std::string_view> ordered = {"",    "a",     "a/\x01", "a/b",   "a/b/c",
                                                 "a/c", "a\x01", "a b",    "a-b",   "a.b",
                                                 "aa",  "b",     "b/\xff", "b\xff", "\xff"};
  std::vector<TreePath> sorted;
  for (const auto text : ordered) sorted.push_back(TreePath::clean(text));
  std::reverse(sorted.begin(), sorted.end());
  std::sort(sorted.begin(), sorted.end());
  ASSERT_EQ(sorted.size(), ordered.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i].str(), ordered[i]) << i;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    std::size_t end = i + 1;
    while (end < sorted.size() && sorted[i].contains(sorted[end])) ++end;
    for (std::size_t later = end; later < sorted.size(); ++later) {
      EXPECT_FALSE(sorted[i].contains(sorted[later])) << sorted[i].str() << sorted[later].str();
    }
  }
  EXPECT_TRUE(TreePath::clean("a") < TreePath::clean("a/c"));
  EXPECT_TRUE(TreePath::clean("a/c") < TreePath::clean("a-b"));
  EXPECT_TRUE(TreePath::clean("a/c") < TreePath::clean("a\x01"));
  EXPECT_TRUE(TreePath::clean("a") < TreePath::clean("\xff"));  // bytes are unsigned
}

TEST(TreePath, equal_and_hashed_by_text) {
  EXPECT_EQ(TreePath::clean("/a/b"), TreePath::clean("a//b"));
  EXPECT_NE(TreePath::clean("a"), TreePath::clean("b"));
  EXPECT_EQ(TreePath::clean("a") <=> TreePath::clean("a"), std::strong_ordering::equal);
  EXPECT_EQ(std::hash<TreePath>()(TreePath::clean("/a")),
            std::hash<TreePath>()(TreePath::clean("a")));
}

}  // namespace
}  // namespace cooper
