#include <gtest/gtest.h>

#include "tests/layers/copy_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

std::string selected(const Context& context, const CopyRequest& request) {
  return describe(select(context.tree(), request));
}

struct SelectCase {
  const char* row;
  std::vector<std::string> patterns;
  const char* expected;
};

TEST(Select, what_sources_mean) {
  Context context;
  context.file("a.txt")
      .file("b.txt")
      .file("arr[0].txt")
      .file("arr0.txt")
      .file("dir/x")
      .file("dir/sub/y");
  context.file("dir2/z")
      .file("back\\slash")
      .file(".hidden")
      .file("deep/one/f.c")
      .file("deep/two/f.c");
  const SelectCase cases[] = {
      {"COPY_02_leading_slash", {"/a.txt"}, "a.txt\n"},
      {"COPY_02_dot_dot_is_cut", {"../../a.txt"}, "a.txt\n"},
      {"COPY_02_dot_dot_inside", {"dir/../../b.txt"}, "b.txt\n"},
      {"COPY_04_directory", {"dir"}, "dir/: sub/ sub/y x\n"},
      {"COPY_04_directory_slash", {"dir/"}, "dir/: sub/ sub/y x\n"},
      {"COPY_04_directory_dot", {"dir/."}, "dir/: sub/ sub/y x\n"},
      {"COPY_10_star", {"*.txt"}, "a.txt\narr0.txt\narr[0].txt\nb.txt\n"},
      {"COPY_10_star_takes_dot_files", {"*d*n"}, ".hidden\n"},
      {"COPY_10_star_stops_at_slash", {"d*p/f.c"}, ""},
      {"COPY_10_question", {"?.txt"}, "a.txt\nb.txt\n"},
      {"COPY_10_class", {"[b-z].txt"}, "b.txt\n"},
      {"COPY_10_negated_class", {"[^b].txt"}, "a.txt\n"},
      {"COPY_10_escape_by_class", {"arr[[]0].txt"}, "arr[0].txt\n"},
      {"COPY_10_backslash", {"arr\\[0].tx?"}, "arr[0].txt\n"},
      {"COPY_10_no_double_star", {"**/f.c"}, ""},
      {"COPY_10_star_in_directories", {"deep/*/f.c"}, "f.c\nf.c\n"},
      {"COPY_10_a_backslash_alone_is_no_wildcard", {"back\\slash"}, "back\\slash\n"},
      {"COPY_11_directories_pour", {"dir*"}, "dir/: sub/ sub/y x\ndir2/: z\n"},
      {"COPY_12_no_match", {"*.nothing"}, ""},
      {"COPY_12_no_match_in_absent_directory", {"nothing/*"}, ""},
      {"COPY_12_no_match_beneath_a_file", {"a.txt/*"}, ""},
      {"COPY_13_in_order", {"b.txt", "a.txt"}, "b.txt\na.txt\n"},
  };
  for (const SelectCase& c : cases)
    EXPECT_EQ(selected(context, request(c.patterns)), c.expected) << c.row;
}

TEST(Select, COPY_04_the_root) {
  Context context;
  context.file("a").file("b/c");
  for (const char* pattern : {".", "/", "./", "", ".."}) {
    EXPECT_EQ(selected(context, request({pattern})), "/: a b/ b/c\n") << pattern;
  }
}

TEST(Select, COPY_12_literal_missing_is_named) {
  Context context;
  context.file("a");
  for (const char* pattern : {"x", "/x", "../x", "./x"}) {
    expect_error(Errc::not_found, {"\"/x\": not found"},
                 [&] { select(context.tree(), request({pattern})); });
  }
  expect_error(Errc::not_found, {"\"/a/b\": not found"},
               [&] { select(context.tree(), request({"a/b"})); });
}

TEST(Select, COPY_12_literal_sources_have_no_wildcards) {
  Context context;
  context.file("a*").file("ab");
  CopyRequest literal = request({});
  literal.sources.push_back({"a*", true});
  EXPECT_EQ(selected(context, literal), "a*\n");
}

TEST(Select, COPY_14_symlinks) {
  Context context;
  context.file("real/file", "bytes").link("name", "real/file").link("folder", "real");
  context.link("real/inner", "file")
      .link("real/dangling", "nowhere")
      .link("absolute", "/real/file");
  const Selection one = select(context.tree(), request({"name"}));
  EXPECT_EQ(one.sources.at(0).base_name, "name");
  EXPECT_EQ(one.sources.at(0).top.type, EntryType::file);
  EXPECT_EQ(one.sources.at(0).top.path, at("real/file"));
  EXPECT_EQ(selected(context, request({"folder"})),
            "folder/: dangling->nowhere file inner->file\n");
  EXPECT_EQ(selected(context, request({"absolut?"})), "absolute\n");
  expect_error(Errc::not_found, {"\"/real/dangling\": not found"},
               [&] { select(context.tree(), request({"real/dangling"})); });
}

TEST(Select, COPY_15_links_in_the_directory_part_stay_inside) {
  Context context;
  context.file("real/file").link("relative", "real").link("absolute", "/real");
  context.link("climbing", "../../../../real").link("outside", "/etc").link("a/up", "..");
  for (const char* pattern : {"relative/file", "absolute/file", "climbing/file", "a/up/real/file",
                              "relative/f*", "a/up/real/f*"}) {
    EXPECT_EQ(selected(context, request({pattern})), "file\n") << pattern;
  }
  expect_error(Errc::not_found, {"not found"},
               [&] { select(context.tree(), request({"outside/passwd"})); });
  EXPECT_EQ(selected(context, request({"outside/pass*"})), "");
}

TEST(Select, COPY_15_a_loop_is_an_error) {
  Context context;
  context.link("a", "b").link("b", "a");
  expect_error(Errc::invalid, {"too many levels of symbolic links"},
               [&] { select(context.tree(), request({"a"})); });
}

TEST(Select, COPY_18_hard_links_within_one_source) {
  Context context;
  context.file("d/b", "same").hard("d/a", "d/b").hard("d/sub/c", "d/b").file("d/own");
  EXPECT_EQ(selected(context, request({"d"})), "d/: a b->a own sub/ sub/c->a\n");
}

TEST(Select, COPY_18_the_first_name_taken_leads) {
  const auto stage = item_tree({dir_item("d"), file_item("d/a", "same"), hard_item("d/b", "d/a"),
                                hard_item("d/c", "d/a"), file_item("d/e", "same")});
  CopyRequest without_a = request({"d"});
  without_a.exclude = filter({"a"});
  EXPECT_EQ(describe(select(stage, without_a)), "d/: b c->b e\n");
  EXPECT_EQ(describe(select(stage, request({"d"}))), "d/: a b->a c->a e\n");
  const Selection one = select(stage, request({"d/b"}));
  EXPECT_EQ(one.sources.at(0).top.link_target, "");
}

TEST(Select, COPY_29_30_31_parents) {
  Context context;
  context.file("a/b/c.txt").file("a/b/d.txt").file("a/e/c.txt").file("top.txt").file("a/f/g/h.go");
  context.dir("a/empty");
  const SelectCase cases[] = {
      {"COPY_29_file", {"a/b/c.txt"}, "/: (a/) (a/b/) a/b/c.txt\n"},
      {"COPY_29_dot_slash", {"./a/b/c.txt"}, "/: (a/) (a/b/) a/b/c.txt\n"},
      {"COPY_29_absolute", {"/a/b/c.txt"}, "/: (a/) (a/b/) a/b/c.txt\n"},
      {"COPY_29_directory_with_all_beneath", {"a/b"}, "/: (a/) a/b/ a/b/c.txt a/b/d.txt\n"},
      {"COPY_30_pivot", {"a/./b/c.txt"}, "a/: (b/) b/c.txt\n"},
      {"COPY_30_first_pivot_counts", {"a/./b/./c.txt"}, "a/: (b/) b/c.txt\n"},
      {"COPY_30_wildcard_before_pivot", {"a/[be]/./c.txt"}, "b/: c.txt\ne/: c.txt\n"},
      {"COPY_30_nothing_behind_the_pivot", {"a/b/./"}, "b/: c.txt d.txt\n"},
      {"COPY_31_wildcard", {"a/*/c.txt"}, "/: (a/) (a/b/) a/b/c.txt (a/e/) a/e/c.txt\n"},
      {"COPY_31_double_star",
       {"**/*.txt"},
       "/: (a/) (a/b/) a/b/c.txt a/b/d.txt (a/e/) a/e/c.txt top.txt\n"},
      {"COPY_31_double_star_inside", {"a/**/h.go"}, "/: (a/) (a/f/) (a/f/g/) a/f/g/h.go\n"},
      {"COPY_31_no_match", {"a/*.nothing"}, "/:\n"},
  };
  for (const SelectCase& c : cases) {
    CopyRequest parents = request(c.patterns);
    parents.parents = true;
    EXPECT_EQ(selected(context, parents), c.expected) << c.row;
  }
}

TEST(Select, COPY_31_a_literal_path_must_exist) {
  Context context;
  context.file("a/b");
  for (const char* pattern : {"a/x", "a/./x", "./a/x"}) {
    CopyRequest parents = request({pattern});
    parents.parents = true;
    expect_error(Errc::not_found, {"\"/a/x\": not found"},
                 [&] { select(context.tree(), parents); });
  }
}

TEST(Select, COPY_33_34_35_exclude) {
  Context context;
  context.file("d/a.txt")
      .file("d/b.md")
      .file("d/sub/c.txt")
      .file("d/sub/d.md")
      .file("d/only/e.txt");
  struct ExcludeCase {
    const char* row;
    std::string source;
    std::vector<std::string> exclude;
    const char* expected;
  };
  const ExcludeCase cases[] = {
      {"COPY_33_top_level_only",
       "d",
       {"*.txt"},
       "d/: b.md only/ only/e.txt sub/ sub/c.txt sub/d.md\n"},
      {"COPY_33_any_depth", "d", {"**/*.txt"}, "d/: b.md only/ sub/ sub/d.md\n"},
      {"COPY_33_relative_to_the_source",
       "d",
       {"d/a.txt"},
       "d/: a.txt b.md only/ only/e.txt sub/ sub/c.txt sub/d.md\n"},
      {"COPY_33_later_reinclude",
       "d",
       {"**/*.txt", "!sub/c.txt"},
       "d/: b.md only/ sub/ sub/c.txt sub/d.md\n"},
      {"COPY_34_a_named_file_stays", "d/a.txt", {"a.txt", "**"}, "a.txt\n"},
      {"COPY_34_a_matched_file_stays", "d/*.txt", {"*.txt"}, "a.txt\n"},
      {"COPY_35_no_empty_directory", "d", {"only"}, "d/: a.txt b.md sub/ sub/c.txt sub/d.md\n"},
      {"COPY_35_walked_when_a_pattern_could_match",
       "d",
       {"*", "!sub/c.txt"},
       "d/: (sub/) sub/c.txt\n"},
  };
  for (const ExcludeCase& c : cases) {
    CopyRequest excluding = request({c.source});
    excluding.exclude = filter(c.exclude);
    EXPECT_EQ(selected(context, excluding), c.expected) << c.row;
  }
}

TEST(Select, COPY_33_exclude_with_parents) {
  Context context;
  context.file("a/b.txt").file("a/c.md");
  CopyRequest both = request({"a/*"});
  both.parents = true;
  both.exclude = filter({"**/*.md"});
  EXPECT_EQ(selected(context, both), "/: (a/) a/b.txt\n");
}

TEST(Select, IGNORE_12_an_ignored_literal_path_is_not_found) {
  Context context;
  context.file("secret/key").file("kept");
  const auto tree = context.tree({filter({"secret"}), nullptr, 1});
  expect_error(Errc::not_found, {"\"/secret\": not found"},
               [&] { select(tree, request({"secret"})); });
  expect_error(Errc::not_found, {"\"/secret/key\": not found"},
               [&] { select(tree, request({"secret/key"})); });
  EXPECT_EQ(describe(select(tree, request({"."}))), "/: kept\n");
  EXPECT_EQ(describe(select(tree, request({"s*"}))), "");
}

TEST(Select, CTX_04_what_no_source_names_is_not_read) {
  Context context;
  context.file("wanted/a/f.txt").dir("closed/inner", 0000);
  for (const char* pattern : {"wanted", "wanted/*", "w*/a/f.txt"}) {
    EXPECT_NO_THROW(select(context.tree(), request({pattern}))) << pattern;
  }
  CopyRequest parents = request({"wanted/**/f.txt"});
  parents.parents = true;
  EXPECT_EQ(selected(context, parents), "/: (wanted/) (wanted/a/) wanted/a/f.txt\n");
  context.dir("closed/inner", 0755);
}

// -- archives
// ----------------------------------------------------------------------------------------
TEST(Select, ADD_02_archives_are_told_by_content) {
  const std::string tar = tests::TarBuilder().file("f", "x").finish();
  std::string gzip;
  {
    StringSink sink;
    const auto compressor = make_compressor(sink, {Compression::gzip});
    compressor->write(as_bytes(tar));
    compressor->finish();
    gzip = sink.text;
  }
  StringSink not_tar;
  {
    const auto compressor = make_compressor(not_tar, {Compression::gzip});
    compressor->write(as_bytes("just text, compressed"));
    compressor->finish();
  }
  Context context;
  context.file("plain", tar)
      .file("zipped.txt", gzip)
      .file("fake.tar", "no archive")
      .file("empty.tar", "");
  context.file("text.tar.gz", not_tar.text).file("zeros.tar", std::string(1024, '\0'));
  // Its first member can be read: unpacking it will say that the rest is missing.
  context.file("cut.gz", gzip.substr(0, gzip.size() - 1));
  context.file("cut.tar", tar.substr(0, 100)).file("dir/in.tar", tar).link("link", "plain");
  const struct {
    const char* name;
    bool archive;
  } cases[] = {{"plain", true},      {"zipped.txt", true},   {"fake.tar", false},
               {"empty.tar", false}, {"text.tar.gz", false}, {"zeros.tar", false},
               {"cut.tar", false},   {"cut.gz", true},      {"link", true}};
  for (const auto& c : cases) {
    CopyRequest add = request({c.name});
    add.unpack_archives = true;
    EXPECT_EQ(select(context.tree(), add).sources.at(0).is_archive, c.archive) << c.name;
    add.unpack_archives = false;
    EXPECT_FALSE(select(context.tree(), add).sources.at(0).is_archive) << c.name;
  }
  CopyRequest add = request({"dir"});
  add.unpack_archives = true;
  EXPECT_EQ(selected(context, add), "dir/: in.tar\n") << "ADD_07";
  add = request({"*i*"});
  add.unpack_archives = true;
  EXPECT_EQ(selected(context, add),
            "dir/: in.tar\nlink (archive)\nplain (archive)\nzipped.txt (archive)\n")
      << "ADD_07";
}

}  // namespace
}  // namespace cooper::layers
