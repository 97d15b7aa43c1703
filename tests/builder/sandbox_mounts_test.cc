// Mounts of a step: files in memory, tmpfs, parts of stacks (rows MNT-*, RUN-11).

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox_fixture.h"

namespace cooper::builder {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

class SandboxMounts : public SandboxTest {
 protected:
  static StepMount memory_file(const std::string& target, const std::string& content) {
    StepMount mount;
    mount.kind = StepMount::Kind::memory_file;
    mount.target = TreePath::clean(target);
    mount.content = content;
    return mount;
  }
  // A part of the base as a mount of its own.
  UniqueFd part(const std::string& path) {
    const fs::path dir = store() / "ingest" / ("part" + std::to_string(parts_++));
    fs::create_directories(dir / "upper");
    fs::create_directories(dir / "work");
    last_upper_ = (dir / "upper").string();
    return storage_->mount_part({base().string()}, last_upper_, (dir / "work").string(), TreePath::clean(path)).fd;
  }
  static StepMount bind(const std::string& target, const UniqueFd& source, bool read_only = true) {
    StepMount mount;
    mount.target = TreePath::clean(target);
    mount.source_fd = source.get();
    mount.read_only = read_only;
    return mount;
  }

  int parts_ = 0;
  std::string last_upper_;
};

TEST_F(SandboxMounts, MNT_20_a_file_in_memory_is_read_only_and_of_root) {
  RunRequest request;
  request.mounts = {memory_file("run/secrets/s", std::string("a\0b", 3))};
  const Ran ran = sh(
      "stat -c '%a %u:%g %s' /run/secrets/s; od -An -c /run/secrets/s; "
      "! echo x 2>/dev/null >/run/secrets/s && ! rm -f /run/secrets/s 2>/dev/null && ! /run/secrets/s 2>/dev/null && echo safe",
      request);
  EXPECT_EQ(ran.out, "400 0:0 3\n   a  \\0   b\nsafe\n") << ran.err;
}

TEST_F(SandboxMounts, MNT_20_MNT_26_mode_and_owner) {
  if (!has_many_ids()) GTEST_SKIP() << "one id only";
  RunRequest request;
  request.mounts = {memory_file("a", "x"), memory_file("b", "x"), memory_file("c", "#!/bin/sh\necho ran\n")};
  request.mounts[1].uid = 1000;
  request.mounts[1].gid = 50;
  request.mounts[1].mode = 0440;
  request.mounts[2].mode = 0755;
  request.uid = request.gid = 1000;
  const Ran ran = sh("cat /a 2>/dev/null; cat /b; echo; stat -c %a:%u:%g /b; /c", request);
  EXPECT_EQ(ran.out, "x\n440:1000:50\nran\n") << ran.err;
}

TEST_F(SandboxMounts, MNT_23_RUN_11_a_file_in_memory_leaves_nothing) {
  RunRequest request = shell("cat /deep/er/s");
  request.mounts = {memory_file("deep/er/s", "hidden")};
  const StepRoot root = make_root();
  const Ran ran = run(request, root.mount);
  EXPECT_EQ(ran.out, "hidden") << ran.err;
  EXPECT_THAT(ran.outcome.stubs, IsEmpty());
  EXPECT_FALSE(fs::exists(root.upper + "/deep"));
}

TEST_F(SandboxMounts, a_large_file_and_many_of_them) {
  RunRequest request;
  for (int i = 0; i < 5; ++i) {
    request.mounts.push_back(memory_file("m/" + std::to_string(i), std::string(500 * 1024, 'x')));
  }
  EXPECT_EQ(sh("cat /m/* | wc -c", request).out, std::to_string(5 * 500 * 1024) + "\n");
}

TEST_F(SandboxMounts, MNT_08_a_file_within_other_mounts) {
  const UniqueFd source = part("etc");
  RunRequest request;
  StepMount tmpfs;
  tmpfs.kind = StepMount::Kind::tmpfs;
  tmpfs.target = TreePath::clean("t");
  tmpfs.read_only = false;
  request.mounts = {tmpfs, memory_file("t/a/s", "one"), bind("u", source), memory_file("u/passwd", "two")};
  EXPECT_EQ(sh("cat /t/a/s /u/passwd; ls /u", request).out, "onetwogroup\npasswd\n");
}

TEST_F(SandboxMounts, MNT_13_tmpfs_size_and_read_only) {
  RunRequest request;
  StepMount tmpfs;
  tmpfs.kind = StepMount::Kind::tmpfs;
  tmpfs.target = TreePath::clean("t");
  tmpfs.read_only = false;
  tmpfs.size_bytes = 1 << 20;
  request.mounts = {tmpfs};
  EXPECT_EQ(sh("stat -c %a /t; dd if=/dev/zero of=/t/x bs=64k count=64 2>/dev/null; stat -c %s /t/x", request).out,
            "1777\n1048576\n");
  request.mounts[0].read_only = true;
  EXPECT_NE(sh("touch /t/x", request).code, 0);
}

TEST_F(SandboxMounts, MNT_13_what_the_image_has_is_hidden_and_intact) {
  add_file("etc/app/conf", "x");
  RunRequest request = shell("ls -A /etc/app; touch /etc/app/new");
  StepMount tmpfs;
  tmpfs.kind = StepMount::Kind::tmpfs;
  tmpfs.target = TreePath::clean("etc/app");
  tmpfs.read_only = false;
  request.mounts = {tmpfs};
  const StepRoot root = make_root();
  EXPECT_EQ(run(request, root.mount).out, "");
  EXPECT_FALSE(fs::exists(root.upper + "/etc/app"));
}

TEST_F(SandboxMounts, MNT_11_a_part_may_be_a_file_or_a_directory) {
  add_file("etc/deep/a", "1");
  const UniqueFd file = part("etc/deep/a");
  const UniqueFd dir = part("etc/deep");
  const UniqueFd all = part("");
  RunRequest request;
  request.mounts = {bind("a", file), bind("d", dir), bind("r", all)};
  const Ran ran = sh("cat /a /d/a /r/etc/deep/a; stat -c %u:%g /d /d/a; touch /d/x", request);
  EXPECT_EQ(ran.out, "1110:0\n0:0\n") << ran.err;
  EXPECT_NE(ran.code, 0);
  EXPECT_THROW(part("etc/none"), Error);
  EXPECT_THAT(fs::directory_iterator(store() / "mnt") == fs::directory_iterator(), false);
  for (const auto& entry : fs::directory_iterator(store() / "mnt")) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("part-"));
  }
}

TEST_F(SandboxMounts, MNT_10_what_is_written_through_stays_in_the_scratch_layer) {
  add_file("etc/deep/a", "1");
  const UniqueFd dir = part("etc/deep");
  RunRequest request;
  request.mounts = {bind("d", dir, false)};
  const Ran ran = sh("echo 2 >/d/a && echo new >/d/b && chown 0:0 /d/b && cat /d/a /d/b", request);
  EXPECT_EQ(ran.out, "2\nnew\n") << ran.err;
  EXPECT_TRUE(fs::exists(last_upper_ + "/etc/deep/b"));
  EXPECT_FALSE(fs::exists(base() / "etc/deep/b"));
  EXPECT_EQ(fs::file_size(base() / "etc/deep/a"), 1U);
}

}  // namespace
}  // namespace cooper::builder
