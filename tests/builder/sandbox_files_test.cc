// What a step leaves on disk, and mount points that must not be part of it.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox_fixture.h"

namespace cooper::builder {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SandboxFiles : public SandboxTest {};

struct stat on_disk(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

std::vector<std::string> names(const std::string& dir) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    found.push_back(fs::relative(entry.path(), dir).string());
  }
  return found;
}

UniqueFd open_path(const fs::path& path) {
  return UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
}

TEST_F(SandboxFiles, the_identity_is_entered_once_and_names_its_mapping) {
  EXPECT_EQ(&enter_build_namespace(), &identity_);
  using Kind = Identity::Kind;
  switch (identity_.kind) {
    case Kind::host_root:
      EXPECT_EQ(identity_.mapping, "0");
      break;
    case Kind::namespaced_root:
      EXPECT_TRUE(identity_.mapping == "0" || identity_.mapping.starts_with("ns-"));
      break;
    case Kind::sub_ids:
      EXPECT_TRUE(identity_.mapping.starts_with("sub-")) << identity_.mapping;
      EXPECT_GE(identity_.step_uids.size(), 2U);
      break;
    case Kind::single_id:
      EXPECT_TRUE(identity_.mapping.starts_with("one-")) << identity_.mapping;
      EXPECT_EQ(identity_.notices.size(), 1U);
      break;
  }
  // Nobody's steps have the machine's uid 0, unless the user was told.
  EXPECT_TRUE(!steps_are_host_root() || !identity_.notices.empty());
}

TEST_F(SandboxFiles, the_roots_metadata_is_that_of_the_layer_below) {
  ASSERT_EQ(::chmod(base().c_str(), 0711), 0);
  EXPECT_EQ(sh("stat -c '%a %u' /").out, "711 0\n");
}

TEST_F(SandboxFiles, owners_on_disk_are_those_the_step_set) {
  const StepRoot root = make_root();
  const Ran ran = run(shell("touch /a /b; chown 1000:50 /b; mkdir /d; chmod 1777 /d; "
                            "stat -c %u:%g /a /b /bin/busybox"),
                      root.mount);
  if (!has_many_ids()) {
    EXPECT_EQ(on_disk(root.upper + "/a").st_uid, 0U);
    return;
  }
  EXPECT_EQ(ran.out, "0:0\n1000:50\n0:0\n") << ran.err;
  EXPECT_EQ(on_disk(root.upper + "/a").st_uid, 0U);
  EXPECT_EQ(on_disk(root.upper + "/b").st_uid, 1000U);
  EXPECT_EQ(on_disk(root.upper + "/b").st_gid, 50U);
  EXPECT_EQ(on_disk(root.upper + "/d").st_mode & 07777, 01777U);
  const Ran nobody = sh("touch /n && chown 65534:65534 /n && stat -c %u:%g /n");
  EXPECT_EQ(nobody.out, "65534:65534\n") << nobody.err;
}

TEST_F(SandboxFiles, RUN_25_deleting_leaves_a_whiteout) {
  add_file("etc/gone", "x");
  const StepRoot root = make_root();
  EXPECT_EQ(run(shell("rm /etc/gone"), root.mount).code, 0);
  const struct stat status = on_disk(root.upper + "/etc/gone");
  EXPECT_TRUE(S_ISCHR(status.st_mode));
  EXPECT_EQ(status.st_rdev, makedev(0, 0));
}

TEST_F(SandboxFiles, RUN_11_no_stub_is_left) {
  const UniqueFd source = open_path(base() / "etc/passwd");
  RunRequest request = shell("cat /run/secrets/deep/x; mount | grep -c cache; touch /cache/y");
  request.mounts = {
      {.kind = StepMount::Kind::bind,
       .target = TreePath::clean("run/secrets/deep/x"),
       .source_fd = source.get()},
      {.kind = StepMount::Kind::tmpfs, .target = TreePath::clean("cache")},
  };
  const StepRoot root = make_root();
  const Ran ran = run(request, root.mount);
  EXPECT_THAT(ran.out, HasSubstr("root::0:0")) << ran.err;
  EXPECT_THAT(ran.outcome.stubs, IsEmpty());
  // Only directories that were copied up to hold the stubs, none of them new.
  for (const std::string& name : names(root.upper)) EXPECT_EQ(name, "etc");
}

TEST_F(SandboxFiles, RUN_11_times_of_parents_are_restored) {
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (base() / "etc").c_str(), times, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, base().c_str(), times, 0), 0);
  const StepRoot root = make_root();
  EXPECT_EQ(run(shell("true"), root.mount).code, 0);
  EXPECT_EQ(run(shell("stat -c %Y /bin/../tmp/.. >/dev/null"), root.mount).code, 0);
  EXPECT_EQ(on_disk(root.upper).st_mtim.tv_sec, 1000);
  EXPECT_EQ(on_disk(root.upper + "/etc").st_mtim.tv_sec, 1000);
  // A directory that the step itself changed keeps the step's time.
  EXPECT_EQ(run(shell("touch /etc/new"), root.mount).code, 0);
  EXPECT_GT(on_disk(root.upper + "/etc").st_mtim.tv_sec, 1000);
}

TEST_F(SandboxFiles, RUN_11_a_stub_that_was_filled_stays) {
  RunRequest request = shell("touch /made/by-step");
  const UniqueFd source = open_path(base() / "etc/passwd");
  request.mounts = {{.kind = StepMount::Kind::bind,
                     .target = TreePath::clean("made/file"),
                     .source_fd = source.get()}};
  const StepRoot root = make_root();
  const Ran ran = run(request, root.mount);
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(fs::exists(root.upper + "/made/by-step"));
  EXPECT_FALSE(fs::exists(root.upper + "/made/file"));
  ASSERT_EQ(ran.outcome.stubs.size(), 1U);
  EXPECT_EQ(ran.outcome.stubs[0].str(), "made");
}

TEST_F(SandboxFiles, RUN_16_tmp_and_run_are_committed) {
  const StepRoot root = make_root();
  EXPECT_EQ(run(shell("echo 1 > /tmp/f; mkdir /run; echo 2 > /run/g"), root.mount).code, 0);
  EXPECT_TRUE(fs::exists(root.upper + "/tmp/f"));
  EXPECT_TRUE(fs::exists(root.upper + "/run/g"));
}

TEST_F(SandboxFiles, SEC_07_symlinks_at_mount_points_stay_inside) {
  const TempDir outside = TempDir::in_host_tmp("cooper-outside-");
  const std::string target = outside.host_path() + "/victim";
  fs::create_symlink(target, base() / "etc/resolv.conf");
  fs::create_symlink("../../../../.." + target + "2", base() / "etc/hosts");
  fs::create_symlink(outside.host_path() + "/proc", base() / "proc");
  fs::create_symlink("/does/not/exist", base() / "sys");
  const Ran ran =
      sh("cat /etc/hosts | head -n 1; ls /proc/self/ >/dev/null && ls -d /does/not/exist/*");
  EXPECT_THAT(ran.out, HasSubstr("127.0.0.1\tlocalhost")) << ran.err;
  EXPECT_FALSE(fs::exists(target));
  EXPECT_TRUE(fs::is_empty(outside.host_path()));
}

TEST_F(SandboxFiles, a_loop_of_symlinks_is_an_error) {
  fs::create_symlink("hosts", base() / "etc/hosts");
  EXPECT_THROW(sh("true"), Error);
}

TEST_F(SandboxFiles, bind_mounts_are_read_only_unless_asked) {
  fs::create_directories(store() / "cache");
  const UniqueFd source = open_path(store() / "cache");
  RunRequest request;
  request.mounts = {
      {.kind = StepMount::Kind::bind, .target = TreePath::clean("c"), .source_fd = source.get()}};
  EXPECT_NE(sh("touch /c/x", request).code, 0);
  request.mounts[0].read_only = false;
  const Ran ran = sh("touch /c/x && stat -c %u:%g /c/x", request);
  EXPECT_EQ(ran.out, "0:0\n") << ran.err;
  EXPECT_EQ(on_disk((store() / "cache/x").string()).st_uid, 0U);
}

TEST_F(SandboxFiles, mounts_within_mounts) {
  fs::create_directories(store() / "cache");
  const UniqueFd source = open_path(store() / "cache");
  const UniqueFd file = open_path(base() / "etc/group");
  RunRequest request;
  request.mounts = {
      {.kind = StepMount::Kind::bind,
       .target = TreePath::clean("c"),
       .source_fd = source.get(),
       .read_only = false},
      {.kind = StepMount::Kind::bind, .target = TreePath::clean("c/a/b"), .source_fd = file.get()},
      {.kind = StepMount::Kind::tmpfs,
       .target = TreePath::clean("dev/shm/t"),
       .size_bytes = 1 << 20}};
  const Ran ran = sh("head -n 1 /c/a/b; df -k /dev/shm/t | grep -c ' 1024 '", request);
  EXPECT_EQ(ran.out, "root:x:0:\n1\n") << ran.err;
}

TEST_F(SandboxFiles, a_plain_directory_can_be_the_root) {
  const UniqueFd root = open_path(base());
  const Ran ran = run(shell("touch /new; stat -c %u /new"), root);
  EXPECT_EQ(ran.out, "0\n") << ran.err;
  EXPECT_EQ(on_disk((base() / "new").string()).st_uid, 0U);
  EXPECT_FALSE(fs::exists(base() / "proc"));
}

TEST_F(SandboxFiles, an_empty_stack_is_an_empty_root) {
  fs::create_directories(store() / "ingest/e/upper");
  fs::create_directories(store() / "ingest/e/work");
  const StackMount root = storage_->mount({}, (store() / "ingest/e/upper").string(),
                                          (store() / "ingest/e/work").string());
  const UniqueFd busybox = open_path(base() / "bin/busybox");
  RunRequest request;
  request.argv = {"/busybox", "ls", "/"};
  request.mounts = {{.kind = StepMount::Kind::bind,
                     .target = TreePath::clean("busybox"),
                     .source_fd = busybox.get()}};
  EXPECT_EQ(run(request, root.fd).out, "busybox\ndev\netc\nproc\nsys\n");
  EXPECT_THAT(names((store() / "ingest/e/upper").string()), IsEmpty());
}

}  // namespace
}  // namespace cooper::builder
