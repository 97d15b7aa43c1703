#include "builder/mount_source.h"

#include "builder/context.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {
namespace {

class MountSources : public StoreTest {
 protected:
  void put(const std::string& name, const std::string& text) const { write_file(path("context") / name, text); }
  MountSource select(const std::string& source) const {
    const ContextOptions context{path("context"), std::nullopt, nullptr, 2};
    return select_mount_source(open_local_context(context, read_ignore_file(context)), source);
  }
};

TEST_F(MountSources, MNT_12_CACHE_07_only_the_selected_path_counts) {
  put("d/a", "1");
  put("other", "1");
  const auto before = select("d").content;
  put("other", "2");
  EXPECT_EQ(select("d").content, before);
  put("d/a", "2");
  EXPECT_NE(select("d").content, before);
}

TEST_F(MountSources, MNT_12_the_directorys_own_mode_is_seen_by_the_step_and_counts) {
  put("d/a", "1");
  const auto before = select("/d/").content;
  fs::permissions(path("context") / "d", fs::perms::owner_all);
  EXPECT_NE(select("/d/").content, before);
}

TEST_F(MountSources, MNT_11_links_stay_inside_and_what_is_missing_is_told) {
  put("d/a", "1");
  fs::create_symlink("/d", path("context") / "absolute");
  fs::create_symlink("../../../../../d/a", path("context") / "up");
  fs::create_symlink("/etc/passwd", path("context") / "outside");
  EXPECT_EQ(select("absolute").top().path.str(), "d");
  EXPECT_TRUE(select("absolute").is_directory());
  EXPECT_EQ(select("up").top().path.str(), "d/a");
  EXPECT_FALSE(select("up").is_directory());
  for (const char* missing : {"outside", "d/b", "x/y"}) {
    try {
      select(missing);
      ADD_FAILURE() << missing;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::not_found);
      EXPECT_HAS(error.what(), "\": not found");
    }
  }
}

TEST_F(MountSources, MNT_09_without_a_source_it_is_the_root_behind_the_ignore_file) {
  put("a", "1");
  put(".dockerignore", "hidden\n");
  const auto before = select("").content;
  put("hidden", "1");
  EXPECT_EQ(select("").content, before);
  EXPECT_TRUE(select("/").top().path.is_root());
}

}  // namespace
}  // namespace cooper::builder
