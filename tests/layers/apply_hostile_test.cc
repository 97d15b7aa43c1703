// Members that want out of the layer's directory.

#include <sys/stat.h>

#include "tests/layers/apply_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

using tests::TarBuilder;

struct Hostile {
  const char* name;
  std::string tar;
  const char* word;  // in the error, beside the layer's name
};

std::vector<Hostile> hostile_tars() {
  const auto link = [](const char* target) { return TarBuilder().symlink("evil", target); };
  return {
      {"dotdot file", TarBuilder().file("../outside/victim", "x").finish(), "../outside/victim"},
      {"dotdot in the middle", TarBuilder().file("a/../../outside/victim", "x").finish(), "victim"},
      {"dotdot directory", TarBuilder().directory("../outside/d").finish(), "outside"},
      {"dotdot whiteout", TarBuilder().file("../outside/.wh.victim", "").finish(), "outside"},
      {"dotdot symlink", TarBuilder().symlink("../outside/l", "x").finish(), "outside"},
      {"dotdot device", TarBuilder().char_device("../outside/null", 1, 3).finish(), "outside"},
      {"relative symlink parent", link("../outside").file("evil/victim", "x").finish(),
       "/evil/victim"},
      {"absolute symlink parent", link("/tmp").file("evil/victim", "x").finish(), "/evil/victim"},
      {"symlink parent inside",
       TarBuilder().directory("d").symlink("evil", "d").file("evil/x", "").finish(), "/evil/x"},
      {"symlink parent deep",
       TarBuilder()
           .directory("d")
           .symlink("d/evil", "../../outside")
           .directory("d/evil/sub")
           .finish(),
       "/d/evil/sub"},
      {"symlink first component of three", link("../outside").file("evil/a/b", "x").finish(),
       "/evil/a/b"},
      {"symlink parent of a whiteout", link("../outside").file("evil/.wh.victim", "").finish(),
       "/evil/victim"},
      {"symlink parent of an opaque marker",
       link("../outside").file("evil/.wh..wh..opq", "").finish(), "evil"},
      {"symlink parent of a symlink", link("../outside").symlink("evil/l", "x").finish(),
       "/evil/l"},
      {"symlink parent of a hard link",
       link("../outside").file("f", "").hard_link("evil/l", "f").finish(), "/evil/l"},
      {"symlink parent of a device", link("../outside").char_device("evil/c", 1, 3).finish(),
       "/evil/c"},
      {"symlink parent of a fifo", link("../outside").fifo("evil/p").finish(), "/evil/p"},
      {"hard link out", TarBuilder().hard_link("l", "../outside/victim").finish(),
       "../outside/victim"},
      {"hard link through a symlink", link("../outside").hard_link("l", "evil/victim").finish(),
       "/evil"},
      {"hard link to nothing", TarBuilder().hard_link("l", "absent").finish(), "/absent"},
      {"hard link to itself", TarBuilder().hard_link("l", "l").finish(), "/l"},
      {"hard link to a directory", TarBuilder().directory("d").hard_link("l", "d").finish(), "/d"},
      {"hard link over its target's directory",
       TarBuilder().directory("d").file("d/f", "").hard_link("d", "d/f").finish(), "/d"},
      {"file as parent", TarBuilder().file("f", "").file("f/x", "").finish(), "/f/x"},
      {"root as file", TarBuilder().file(".", "x").finish(), "root"},
      {"root as symlink", TarBuilder().symlink("/", "/tmp").finish(), "root"},
      {"hard link as parent",
       TarBuilder().file("f", "").hard_link("h", "f").file("h/x", "").finish(), "/h/x"},
  };
}

TEST_F(Apply, hostile_members_are_invalid_and_named) {
  for (const Hostile& each : hostile_tars()) {
    SCOPED_TRACE(each.name);
    expect_error(Errc::invalid, {"layer-x", each.word}, [&] { apply(each.tar); });
    root_.dir().remove_all(at("into"));
    root_.dir().make_dir(at("into"), 0700);
  }
}

TEST_F(Apply, harmless_oddities_stay_inside) {
  apply(TarBuilder()
            .file("/abs", "1")
            .file("//twice//abs", "2")
            .symlink("out", "/outside/victim")
            .symlink("out", "../outside/victim")
            .file("out", "replaces the link")
            .finish());
  EXPECT_EQ(into().read_file(at("abs"), 10), "1");
  EXPECT_EQ(into().read_file(at("twice/abs"), 10), "2");
  EXPECT_EQ(into().read_file(at("out"), 100), "replaces the link");
}

TEST_F(Apply, a_device_over_a_link_replaces_the_link) {
  apply(TarBuilder().symlink("dev", "../outside/victim").char_device("dev", 1, 3).finish());
  EXPECT_TRUE(S_ISREG(stat_of("dev").st_mode));
}

TEST_F(Apply, symlinks_below_cannot_lead_out_either) {
  const auto below = tree_of({link_item("evil", "../../outside"), link_item("abs", "/../outside"),
                              link_item("loop", "loop")});
  apply_over(TarBuilder().file("evil/victim", "x").file("abs/other", "y").finish(), *below);
  EXPECT_EQ(into().read_file(at("outside/victim"), 10), "x");
  EXPECT_EQ(into().read_file(at("outside/other"), 10), "y");
  expect_error(Errc::invalid, {"/loop"},
               [&] { apply_over(TarBuilder().file("loop/x", "").finish(), *below); });
}

TEST_F(Apply, a_layer_that_redirects_a_link_below_is_caught) {
  // Below, lib leads to usr/lib; this layer makes usr/lib a symlink before writing through lib.
  const auto below = tree_of({link_item("lib", "usr/lib"), dir_item("usr"), dir_item("usr/lib")});
  expect_error(Errc::invalid, {"/lib/x", "/usr/lib"}, [&] {
    apply_over(TarBuilder().symlink("usr/lib", "../../outside").file("lib/x", "x").finish(),
               *below);
  });
}

}  // namespace
}  // namespace cooper::layers
