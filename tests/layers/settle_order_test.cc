// Tars whose members mean what they mean by their order: the table of the tar alone, settled, must
// agree with what unpacking gives.
#include "layers/apply.h"
#include "layers/apply_rows.h"
#include "tests/layers/apply_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

using tests::TarBuilder;

struct Case {
  const char* what;
  std::string tar;
  std::map<std::string, std::string> contents;  // as a reader that unpacks finds them
};

std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"a link to a lower file, which is replaced then",
                 TarBuilder().hard_link("x/C", "x/A").file("x/A", "newA").finish(),
                 {{"x/C", "oldA"}, {"x/A", "newA"}}});
  all.push_back({"and a link to what replaced it",
                 TarBuilder()
                     .directory("x")
                     .hard_link("x/B", "x/A")
                     .hard_link("x/C", "x/B")
                     .file("x/A", "newA")
                     .hard_link("x/0", "x/A")
                     .finish(),
                 {{"x/C", "oldA"}, {"x/B", "oldA"}, {"x/A", "newA"}, {"x/0", "newA"}}});
  all.push_back({"which is removed then",
                 TarBuilder().hard_link("x/C", "x/A").file("x/.wh.A", "").finish(),
                 {{"x/C", "oldA"}}});
  all.push_back({"whose directory is made anew",
                 TarBuilder()
                     .hard_link("C", "x/A")
                     .file(".wh.x", "")
                     .directory("x")
                     .file("x/B", "b")
                     .finish(),
                 {{"C", "oldA"}, {"x/B", "b"}}});
  all.push_back({"two ways to one file",
                 TarBuilder().file("real/f", "v1").file("lnk/f", "v2").finish(),
                 {{"real/f", "v2"}}});
  all.push_back({"two ways, the other one last",
                 TarBuilder().file("lnk/f", "v2").file("real/f", "v1").finish(),
                 {{"real/f", "v1"}}});
  all.push_back({"a link below that becomes a directory",
                 TarBuilder().file("lnk/g", "g").directory("lnk").file("lnk/h", "h").finish(),
                 {{"real/g", "g"}, {"lnk/h", "h"}, {"real/f", "lowreal"}}});
  all.push_back({"a link below that goes",
                 TarBuilder().file("lnk/q", "q").file(".wh.lnk", "").finish(),
                 {{"real/q", "q"}, {"real/f", "lowreal"}}});
  all.push_back({"a directory removed, filled, and listed",
                 TarBuilder().file(".wh.x", "").file("x/B", "b").directory("x").finish(),
                 {{"x/B", "b"}}});
  all.push_back(
      {"a link below, opaque from the start",
       TarBuilder().file("lnk/.wh..wh..opq", "").file("lnk/h", "h").directory("lnk").finish(),
       {{"lnk/h", "h"}, {"real/f", "lowreal"}}});
  all.push_back({"a name of a lower file that goes, and its own names",
                 TarBuilder()
                     .directory("x")
                     .hard_link("x/B", "x/A")
                     .hard_link("x/C", "x/B")
                     .hard_link("x/D", "x/C")
                     .file("x/B", "newB")
                     .finish(),
                 {{"x/A", "oldA"}, {"x/B", "newB"}, {"x/C", "oldA"}, {"x/D", "oldA"}}});
  all.push_back({"directories after what they hold",
                 TarBuilder().file("n/m/f", "f").directory("n/m").directory("n").finish(),
                 {{"n/m/f", "f"}}});
  all.push_back({"a first name that goes, of several",
                 TarBuilder()
                     .file("b/1", "one")
                     .hard_link("b/3", "b/1")
                     .hard_link("b/2", "b/1")
                     .file("b/1", "new")
                     .finish(),
                 {{"b/1", "new"}, {"b/2", "one"}, {"b/3", "one"}}});
  return all;
}

class SettleOrder : public Apply {
 protected:
  SettleOrder() {
    const std::string tar =
        tar_of({dir_item(""), dir_item("b"), link_item("lnk", "real"), dir_item("real"),
                file_item("real/f", "lowreal"), dir_item("x"), file_item("x/A", "oldA")});
    table_ =
        share(apply_layer(source_of(tar), lower_.dir(), test_seal(), *empty_tree(), {}, "lower"));
  }

  std::unique_ptr<Tree> below() const { return merge_layers({view()}); }
  LayerView view() const { return {table_, lower_.dir().duplicate()}; }

  TempDir lower_ = TempDir::in_host_tmp("cooper-test-");
  TablePtr table_;
};

TEST_F(SettleOrder, the_table_alone_agrees_with_the_directory) {
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.what);
    const TempDir fresh = TempDir::in_host_tmp("cooper-test-");
    const auto lower = below();
    const Applied applied = apply_verified(source_of(each.tar), fresh.dir(), test_seal(), *lower,
                                           {oci::sha256(each.tar)}, {}, "layer-x");
    // As it is kept.
    Table alone = Table::parse(applied.alone.serialize(), "kept");
    EXPECT_EQ(alone.entries(), read_table(source_of(each.tar), {}, "layer-x").entries());
    EXPECT_EQ(alone.order(), read_table(source_of(each.tar), {}, "layer-x").order());
    std::vector<LayerView> views;
    views.push_back(view());
    views.push_back({share(std::move(alone)), fresh.dir().duplicate()});
    const auto tree = merge_layers(std::move(views));
    const auto by_directory =
        merge_layers({{table_, std::nullopt}, {share(applied.over_below), std::nullopt}});
    std::vector<LayerView> settled;
    settled.push_back({table_, std::nullopt});
    settled.push_back({share(Table::parse(applied.alone.serialize(), "kept")), std::nullopt});
    EXPECT_EQ(describe(*merge_layers(std::move(settled))), describe(*by_directory));
    for (const auto& [path, content] : each.contents) {
      EXPECT_EQ(read_content(*tree, path), content) << path;
      EXPECT_EQ(tree->content_of(tree->find(at(path)).value()).digest,
                oci::ContentDigest{oci::sha256(content)})
          << path;
    }
  }
}

TEST_F(SettleOrder, in_order_nothing_more_is_kept) {
  const std::string tar =
      TarBuilder().directory("d").file("d/b", "b").hard_link("d/a", "d/b").finish();
  const Table table = read_table(source_of(tar), {}, "layer");
  EXPECT_TRUE(table.settled());
  EXPECT_TRUE(table.order().empty());
  EXPECT_TRUE(Table::parse(table.serialize(), "kept").settled());
}

TEST_F(SettleOrder, an_order_cut_short_is_damage) {
  const std::string tar = TarBuilder().file("d/b", "b").finish();
  const Table table = read_table(source_of(tar), {}, "layer");
  ASSERT_FALSE(table.order().empty());
  const std::string bytes = table.serialize();
  constexpr std::size_t kFooterBytes = 24;
  std::string shorter = bytes;
  shorter.erase(bytes.size() - kFooterBytes - 4, 4);
  expect_error(Errc::corrupt, {"kept"}, [&] { Table::parse(shorter, "kept").entries(); });
}

}  // namespace
}  // namespace cooper::layers
