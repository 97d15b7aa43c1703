#include "layers/diff.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "layers/standin.h"
#include "layers/xattr.h"
#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

constexpr std::int64_t kTime = 1'600'000'000;

// An upper directory as overlayfs leaves it, made by hand.
class Diff : public testing::Test {
 protected:
  Diff() : upper_(TempDir::in_host_tmp("cooper-test-")) { upper_.dir().set_mode(TreePath(), 0755); }

  const Dir& upper() const { return upper_.dir(); }
  void file(std::string_view path, const std::string& content, mode_t mode = 0644) {
    const UniqueFd fd = upper().open_file(at(path), O_WRONLY | O_CREAT, 0600);
    FdSink(fd.get(), std::string(path)).write(as_bytes(content));
    upper().set_mode(at(path), mode);
    upper().set_mtime(at(path), {kTime, 5});
  }
  void dir(std::string_view path, mode_t mode = 0755) {
    upper().make_dir(at(path), mode);
    upper().set_mode(at(path), mode);
  }
  void whiteout(std::string_view path) { upper().make_node(at(path), S_IFCHR, makedev(0, 0)); }
  void opaque(std::string_view path) { upper().set_xattr(at(path), "user.overlay.opaque", "y"); }
  void stand_in(std::string_view path, const std::string& text) {
    upper().set_xattr(at(path), std::string(kOverrideXattr), text);
  }
  void set_times() {
    for (const char* path : {"etc", "a", "run", "run/deep", "var", "var/lib"}) {
      if (upper().try_stat(at(path))) upper().set_mtime(at(path), {kTime, 0});
    }
  }

  // The layer's entries, one line each; owners that are our own are shown as 0:0.
  std::vector<std::string> diff_over(const Tree& below, const DiffOptions& options = {}) {
    set_times();
    LayerWriter writer(blobs_, {Compression::none});
    write_diff(upper(), below, test_seal(), options, writer);
    layer_ = std::move(writer).finish();
    std::vector<std::string> lines;
    for (Entry entry : layer_->table.entries()) {
      if (entry.uid == ::geteuid()) entry.uid = 0;
      if (entry.gid == ::getegid()) entry.gid = 0;
      lines.push_back(describe(entry));
    }
    return lines;
  }

  TempDir upper_;
  tests::MemoryBlobs blobs_;
  std::optional<WrittenLayer> layer_;
};

using Lines = std::vector<std::string>;

TEST_F(Diff, an_unchanged_upper_is_an_empty_layer) {
  EXPECT_EQ(diff_over(*below_of({})), Lines{});
  EXPECT_EQ(layer_->tar_bytes, 1024u);
}

TEST_F(Diff, the_root_is_written_when_more_than_its_time_changed) {
  upper().set_mode(TreePath(), 0700);
  const Lines lines = diff_over(*below_of({}));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("/ directory 700 0:0")) << lines[0];
}

TEST_F(Diff, entries_come_in_tree_path_order) {
  dir("a");
  file("a/x", "x");
  file("a.b", "");
  file("a-", "");
  upper().make_symlink("target", at("z"));
  upper().set_mtime(at("z"), {kTime, 0});
  EXPECT_EQ(diff_over(*below_of({})),
            (Lines{"/a directory 755 0:0 @1600000000", "/a/x file 644 0:0 @1600000000 size=1",
                   "/a- file 644 0:0 @1600000000 size=0", "/a.b file 644 0:0 @1600000000 size=0",
                   "/z symlink 777 0:0 @1600000000 -> target"}));
  EXPECT_EQ(layer_->table.find(at("a/x"))->content, oci::ContentDigest{oci::sha256("x")});
}

TEST_F(Diff, RUN_25_whiteouts_and_opaque_directories) {
  dir("a");
  opaque("a");
  whiteout("gone");
  EXPECT_EQ(diff_over(*below_of({dir_item("a"), file_item("gone", "")})),
            (Lines{"/a directory 755 0:0 @1600000000 opaque", "/gone whiteout 0 0:0 @0"}));
}

// fuse-overlayfs marks by name, and with a device where it can.
TEST_F(Diff, RUN_25_names_hide_where_they_are_marks) {
  dir("a");
  file("a/.wh..wh..opq", "");
  file(".wh.gone", "");
  whiteout("too");
  file(".wh.back", "");
  file("back", "again");
  const auto below = below_of({dir_item("a"), file_item("gone", ""), file_item("too", ""),
                               file_item("back", ""), file_item(".wh", "")});
  EXPECT_EQ(
      diff_over(*below, {.stubs = {}, .hiding = Hiding::named}),
      (Lines{"/a directory 755 0:0 @1600000000 opaque", "/back file 644 0:0 @1600000000 size=5",
             "/gone whiteout 0 0:0 @0", "/too whiteout 0 0:0 @0"}));
}

TEST_F(Diff, marks_that_hide_nothing_are_left_out) {
  dir("a");
  opaque("a");  // overlayfs marks every new directory
  whiteout("gone");
  EXPECT_EQ(diff_over(*below_of({})), Lines{"/a directory 755 0:0 @1600000000"});
  EXPECT_EQ(diff_over(*below_of({file_item("a", "")})), Lines{"/a directory 755 0:0 @1600000000"});
}

TEST_F(Diff, marks_beneath_an_opaque_directory_hide_nothing) {
  dir("etc");
  opaque("etc");
  dir("etc/sub");
  opaque("etc/sub");
  whiteout("etc/x");
  const auto below = below_of({dir_item("etc"), dir_item("etc/sub"), file_item("etc/x", "")});
  const Lines lines = diff_over(*below);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].ends_with("opaque"));
  EXPECT_FALSE(lines[1].ends_with("opaque"));
}

TEST_F(Diff, whiteouts_that_share_an_inode_are_no_hard_links) {
  whiteout("a");
  upper().link(at("a"), at("b"));
  EXPECT_EQ(diff_over(*below_of({file_item("a", ""), file_item("b", "")})),
            (Lines{"/a whiteout 0 0:0 @0", "/b whiteout 0 0:0 @0"}));
}

TEST_F(Diff, IMG_14_hard_links_within_upper_are_kept) {
  dir("a");
  file("a/one", "same");
  upper().link(at("a/one"), at("b"));
  upper().make_symlink("s", at("s1"));
  upper().set_mtime(at("s1"), {kTime, 0});
  upper().link(at("s1"), at("s2"));
  EXPECT_EQ(
      diff_over(*below_of({})),
      (Lines{"/a directory 755 0:0 @1600000000", "/a/one file 644 0:0 @1600000000 size=4",
             "/b hard link 644 0:0 @1600000000 -> a/one", "/s1 symlink 777 0:0 @1600000000 -> s",
             "/s2 hard link 777 0:0 @1600000000 -> s1"}));
}

TEST_F(Diff, sockets_are_left_out) {
  file("f", "");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const UniqueFd owner(fd);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = upper_.host_path() + "/sock";
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(diff_over(*below_of({})).size(), 1u);
}

TEST_F(Diff, stand_ins_become_what_they_stand_for) {
  StandIn null;
  null.device = {EntryType::char_device, 1, 3};
  null.owner = ::geteuid();
  null.uid = {77, null.owner};
  file("null", "", 0666);
  stand_in("null", test_seal().seal(null));
  StandIn suid;
  suid.owner = ::geteuid();
  suid.mode = {04755, 0755};
  suid.capability = std::string(20, '\x11');
  suid.content = oci::sha256("#!");
  file("suid", "#!", 0755);
  stand_in("suid", test_seal().seal(suid));
  EXPECT_EQ(diff_over(*below_of({})),
            (Lines{"/null character device 666 77:0 @1600000000 dev=1:3",
                   "/suid file 4755 0:0 @1600000000 size=2 security.capability=20"}));
}

// A process of a RUN writes such attributes as it likes.
TEST_F(Diff, set_id_bits_of_a_program_that_was_written_to_are_gone) {
  StandIn program;
  program.owner = ::geteuid();
  program.mode = {02755, 0755};
  program.gid = {70000, ::getegid()};
  program.content = oci::sha256("before");
  file("p", "before", 0755);
  stand_in("p", test_seal().seal(program));
  EXPECT_EQ(diff_over(*below_of({})), Lines{"/p file 2755 0:70000 @1600000000 size=6"});
  EXPECT_EQ(layer_->table.find(at("p"))->content, oci::ContentDigest{oci::sha256("before")});
  file("p", "evil!!", 0755);
  EXPECT_EQ(diff_over(*below_of({})), Lines{"/p file 755 0:70000 @1600000000 size=6"});
}

TEST_F(Diff, a_forged_stand_in_is_no_stand_in) {
  StandIn wanted;
  wanted.owner = ::geteuid();
  wanted.mode = {04755, 0644};
  const std::string other_store = StandInSeal("another secret").seal(wanted);
  const std::string sealed = test_seal().seal(wanted);
  for (const std::string& text : {std::string("type=elephant"), std::string("mode=4755/644"),
                                  wanted.encode(), other_store, std::string(), sealed + ";cap=11",
                                  "uid=0/0;" + sealed, sealed.substr(0, sealed.size() - 1)}) {
    file("f", "");
    stand_in("f", text);
    EXPECT_EQ(diff_over(*below_of({})), Lines{"/f file 644 0:0 @1600000000 size=0"}) << text;
  }
}

// Copied from a file of another owner: whoever owns this file gets nothing by it.
TEST_F(Diff, a_stand_in_of_another_owner_counts_only_where_it_lies_below) {
  StandIn null;
  null.device = {EntryType::char_device, 1, 3};
  null.owner = ::geteuid() + 1;
  const std::string sealed = test_seal().seal(null);
  for (const char* name : {"copy", "null", "zero"}) {
    file(name, "", 0666);
    stand_in(name, sealed);
  }
  const auto below = below_of({device_item("null", EntryType::char_device, 1, 3),
                               device_item("zero", EntryType::char_device, 1, 5)});
  EXPECT_EQ(diff_over(*below), (Lines{"/copy file 666 0:0 @1600000000 size=0",
                                      "/null character device 666 0:0 @1600000000 dev=1:3",
                                      "/zero file 666 0:0 @1600000000 size=0"}));
}

TEST_F(Diff, IMG_14_xattrs_by_allow_list) {
  file("f", "");
  upper().set_xattr(at("f"), "user.mine", "1");
  upper().set_xattr(at("f"), "user.overlay.origin", "1");
  EXPECT_EQ(diff_over(*below_of({})), Lines{"/f file 644 0:0 @1600000000 size=0"});
  DiffOptions keep;
  keep.keep_xattrs = true;
  EXPECT_EQ(diff_over(*below_of({}), keep),
            Lines{"/f file 644 0:0 @1600000000 size=0 user.mine=1"});
}

TEST_F(Diff, IMG_14_what_the_layer_does_not_keep_can_be_taken_from_the_directory) {
  dir("d");
  for (const char* path : {"f", "d/f"}) file(path, "");
  for (const char* path : {"f", "d", "d/f"}) upper().set_xattr(at(path), "user.mine", "1");
  upper().set_xattr(at("d"), "user.overlay.opaque", "y");
  tests::MemoryBlobs blobs;
  const auto below = below_of({dir_item("d")});
  LayerWriter writer(blobs, {Compression::none});
  write_diff(upper(), *below, test_seal(), {}, writer);
  const WrittenLayer written = std::move(writer).finish();
  EXPECT_EQ(written.stripped, (std::vector<TreePath>{at("d"), at("d/f"), at("f")}));
  EXPECT_TRUE(strip_xattrs(upper(), written.stripped));
  for (const char* path : {"f", "d", "d/f"})
    EXPECT_FALSE(upper().get_xattr(at(path), "user.mine")) << path;
  EXPECT_TRUE(upper().get_xattr(at("d"), "user.overlay.opaque"));

  LayerWriter keeper(blobs, {Compression::none});
  DiffOptions keep;
  keep.keep_xattrs = true;
  write_diff(upper(), *below, test_seal(), keep, keeper);
  EXPECT_TRUE(std::move(keeper).finish().stripped.empty());
}

// The directory of the layer shows what the layer says: an ACL left on it would give the next
// step's files other modes than a build that unpacks the layer.
TEST_F(Diff, IMG_14_a_directory_with_a_refused_attribute_alone_is_written) {
  upper().set_xattr(TreePath(), "user.mine", "1");
  for (const char* path : {"etc", "old", "run"}) {
    dir(path);
    upper().set_xattr(at(path), "user.mine", "1");
  }
  upper().set_mtime(at("old"), {kTime, 0});
  auto old = dir_item("old");
  old.entry.xattrs = {{"user.mine", "1"}};  // its base keeps it
  DiffOptions options;
  options.stubs = {at("run/key")};
  const auto below = below_of({dir_item("etc"), old, dir_item("run")});
  EXPECT_EQ(diff_over(*below, options).size(), 3U);
  EXPECT_EQ(layer_->stripped, (std::vector<TreePath>{TreePath(), at("etc"), at("run")}));
}

TEST_F(Diff, RUN_11_directories_that_were_only_copied_up_are_left_out) {
  for (const char* path : {"etc", "var", "var/lib", "old"}) dir(path);
  upper().set_mtime(at("old"), {1600000001, 0});
  const auto below = below_of({dir_item("etc"), file_item("etc/kept", ""), dir_item("old"),
                               dir_item("var"), dir_item("var/lib")});
  EXPECT_EQ(diff_over(*below), (Lines{"/old directory 755 0:0 @1600000001"}));
}

TEST_F(Diff, parents_that_were_only_copied_up_are_written) {
  dir("etc", 0711);
  file("etc/new", "n");
  const Lines lines = diff_over(*below_of({dir_item("etc", 0711)}));
  EXPECT_EQ(lines, (Lines{"/etc directory 711 0:0 @1600000000",
                          "/etc/new file 644 0:0 @1600000000 size=1"}));
}

TEST_F(Diff, RUN_11_empty_mount_points_and_their_parents_are_left_out) {
  DiffOptions options;
  for (const char* stub : {"etc/resolv.conf", "run/secrets/key", "mnt", "run/deep/er"})
    options.stubs.push_back(at(stub));
  const auto below = below_of({dir_item("etc"), file_item("etc/kept", "")});
  dir("etc");
  file("etc/resolv.conf", "");
  dir("run");
  dir("run/secrets");
  file("run/secrets/key", "");
  dir("run/deep");
  dir("run/deep/er");
  dir("mnt");
  EXPECT_EQ(diff_over(*below, options), Lines{});
}

TEST_F(Diff, RUN_11_what_else_changed_about_them_stays) {
  DiffOptions options;
  for (const char* stub : {"etc/resolv.conf", "run/secrets/key", "mnt", "keep"})
    options.stubs.push_back(at(stub));
  const auto below = below_of({dir_item("etc"), file_item("keep", "")});
  dir("etc", 0700);  // the step changed its mode
  file("etc/resolv.conf", "");
  dir("run");
  dir("run/secrets");
  file("run/secrets/key", "");
  file("run/pid", "1");  // the step's own
  dir("mnt");
  file("mnt/data", "d");  // no longer empty
  file("keep", "");       // was there before: emptied by the step
  std::vector<std::string> paths;
  for (const std::string& line : diff_over(*below, options))
    paths.push_back(line.substr(0, line.find(' ')));
  EXPECT_EQ(paths, (Lines{"/etc", "/keep", "/mnt", "/mnt/data", "/run", "/run/pid"}));
}

}  // namespace
}  // namespace cooper::layers
