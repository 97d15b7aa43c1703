// What a step may not see or do (RUN-13, RUN-14), and the mounts it has (RUN-08, RUN-15).

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include "sandbox_fixture.h"

namespace cooper::builder {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SandboxIsolation : public SandboxTest {};

TEST_F(SandboxIsolation, RUN_13_capabilities_of_root) {
  const Ran ran = sh("grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status | tr '\\t' ' '");
  EXPECT_EQ(ran.out,
            "CapInh: 0000000000000000\nCapPrm: 00000000a80425fb\nCapEff: 00000000a80425fb\n"
            "CapBnd: 00000000a80425fb\nCapAmb: 0000000000000000\nNoNewPrivs: 0\nSeccomp: 2\n");
}

TEST_F(SandboxIsolation, RUN_13_other_users_have_none_but_set_uid_programs_work) {
  if (!has_many_ids()) return;  // there are no other users then
  std::filesystem::remove(base() / "bin/su");
  std::filesystem::copy_file(base() / "bin/busybox", base() / "bin/su");
  ASSERT_EQ(::chmod((base() / "bin/su").c_str(), 04755), 0);
  RunRequest request;
  request.uid = request.gid = 1000;
  const Ran ran =
      sh("grep CapEff /proc/self/status; /bin/su root -c 'id -u; grep CapEff /proc/self/status'",
         request);
  EXPECT_EQ(ran.out, "CapEff:\t0000000000000000\n0\nCapEff:\t00000000a80425fb\n") << ran.err;
}

TEST_F(SandboxIsolation, RUN_14_the_machine_is_out_of_reach) {
  for (const char* script : {
           "echo 1 > /proc/sys/kernel/panic",
           "echo x > /proc/sys/kernel/core_pattern",
           "echo 1 > /proc/sysrq-trigger",
           "touch /sys/x",
           "mount -t tmpfs none /tmp",
           "mount -o remount,rw /proc/sys",
           "umount /proc/sys",
           "umount /etc/hosts",
           "umount /proc",
           "unshare -U true",
           "unshare -m true",
           "unshare -n true",
           "cat /proc/1/environ",
           "head -c 1 /proc/1/mem",
           "ls /proc/1/root/",
           "readlink /proc/1/fd/*",
           "cat /proc/1/maps",
           "readlink /proc/1/exe",
           "hostname evil",
       }) {
    EXPECT_NE(sh(script).code, 0) << script;
  }
}

TEST_F(SandboxIsolation, RUN_14_masked_files) {
  for (const char* path : {"/proc/kcore", "/proc/keys", "/proc/timer_list"}) {
    EXPECT_EQ(sh(std::string("head -c 10 ") + path + " | wc -c").out, "0\n") << path;
  }
  EXPECT_EQ(sh("for d in /sys/firmware /proc/acpi /proc/scsi; do "
               "[ -d $d ] && ls -A $d; done; true")
                .out,
            "");
}

TEST_F(SandboxIsolation, RUN_14_other_processes_are_invisible_and_init_tells_nothing) {
  const Ran ran =
      sh("set -- /proc/[0-9]*; echo $#; cat /proc/1/cmdline | tr -d '\\000'; "
         "cat /proc/1/comm");
  EXPECT_EQ(ran.out, "2\ninit\n");  // init and the shell
}

TEST_F(SandboxIsolation, nothing_of_the_host_is_in_the_mount_table) {
  const Ran ran = sh("cat /proc/self/mountinfo");
  EXPECT_THAT(ran.out, Not(HasSubstr(store().string())));
  EXPECT_THAT(ran.out, HasSubstr(" / / rw,nodev"));
}

TEST_F(SandboxIsolation, devices) {
  const Ran ran =
      sh("echo x > /dev/null && head -c 3 /dev/zero | wc -c && head -c 3 /dev/urandom | wc -c && "
         "{ echo x > /dev/full; } 2>/dev/null || echo full; "
         "ls /dev | tr '\\n' ' '; stat -c %a /dev /dev/shm; stat -c %u /dev /dev/shm");
  EXPECT_EQ(ran.out,
            "3\n3\nfull\ncore fd full mqueue null ptmx pts random shm stderr stdin stdout tty "
            "urandom zero 755\n1777\n0\n0\n");
}

TEST_F(SandboxIsolation, device_nodes_of_an_image_are_dead) {
  // As a stand-in only for whoever may not make nodes.
  if (::mknod((base() / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    EXPECT_NE(::geteuid() == 0 && identity_.kind == Identity::Kind::host_root, true);
    return;
  }
  const Ran ran = sh("cat /null");
  EXPECT_NE(ran.code, 0);
  EXPECT_THAT(ran.err, HasSubstr("ermission denied"));
}

TEST_F(SandboxIsolation, making_device_nodes_is_refused) {
  EXPECT_NE(sh("mknod /tmp/sda b 8 0").code, 0);
}

TEST_F(SandboxIsolation, RUN_15_shm_size) {
  EXPECT_THAT(sh("df -k /dev/shm").out, HasSubstr(" 65536 "));
  RunRequest request;
  request.shm_bytes = 1 << 20;
  EXPECT_THAT(sh("df -k /dev/shm", request).out, HasSubstr(" 1024 "));
}

TEST_F(SandboxIsolation, pseudo_terminals_work) {
  const Ran ran = sh("ls /dev/pts; exec 9<>/dev/ptmx; stat -c '%u:%g %a' /dev/pts/0");
  EXPECT_EQ(ran.out, has_many_ids() ? "ptmx\n0:5 620\n" : "ptmx\n0:0 620\n") << ran.err;
}

TEST_F(SandboxIsolation, stdout_can_be_reopened_by_the_user) {
  RunRequest request;
  if (has_many_ids()) request.uid = request.gid = 1000;
  EXPECT_EQ(sh("echo again > /dev/stdout; echo worse > /dev/stderr", request).out, "again\n");
}

TEST_F(SandboxIsolation, RUN_08_generated_files_are_read_only_and_the_images_come_out_unchanged) {
  add_file("etc/hosts", "image hosts");
  add_file("etc/resolv.conf", "image resolv");
  const StepRoot root = make_root();
  for (const char* script : {"echo x >> /etc/hosts", "rm /etc/hosts", "mv /etc/hosts /tmp/h",
                             "echo x > /etc/resolv.conf", "rm -f /etc/resolv.conf"}) {
    EXPECT_NE(run(shell(script), root.mount).code, 0) << script;
  }
  EXPECT_FALSE(std::filesystem::exists(root.upper + "/etc/hosts"));
  EXPECT_FALSE(std::filesystem::exists(root.upper + "/etc/resolv.conf"));
  EXPECT_EQ(run(shell("stat -c '%u:%g %a' /etc/hosts"), root.mount).out, "0:0 644\n");
}

TEST_F(SandboxIsolation, RUN_09_hosts) {
  RunRequest request;
  request.extra_hosts = {{"db", "10.0.0.1"}, {"cache.local", "fd00::1"}};
  EXPECT_EQ(sh("cat /etc/hosts", request).out,
            "127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n"
            "10.0.0.1\tdb\nfd00::1\tcache.local\n");
}

TEST_F(SandboxIsolation, RUN_17_network_none_has_loopback_only) {
  RunRequest request;
  request.network = Network::none;
  const Ran ran =
      sh("grep -c : /proc/net/dev; cat /sys/class/net/lo/flags; ls /sys/class/net; "
         "nc -l -p 80 -e true & while ! grep -q :0050 /proc/net/tcp*; do sleep 0.01; done; "
         "nc 127.0.0.1 80 </dev/null; "
         "echo $?",
         request);
  EXPECT_THAT(ran.out, HasSubstr("1\n0x9\nlo\n"));
  EXPECT_THAT(ran.out, ::testing::EndsWith("\n0\n")) << ran.err;
}

TEST_F(SandboxIsolation, RUN_17_network_host_is_the_hosts) {
  char here[64]{};
  ASSERT_GT(::readlink("/proc/self/ns/net", here, sizeof here - 1), 0);
  EXPECT_EQ(sh("readlink /proc/self/ns/net").out, std::string(here) + "\n");
}

TEST_F(SandboxIsolation, RUN_18_insecure_has_all_capabilities_and_every_call_but_for_keys) {
  RunRequest request;
  request.insecure = true;
  const Ran ran =
      sh("grep -E 'CapEff|Seccomp:' /proc/self/status; mkdir /m && mount -t tmpfs x /m && "
         "echo mounted; umount /proc/sys 2>/dev/null; umount /etc/hosts || echo locked",
         request);
  EXPECT_THAT(ran.out, Not(HasSubstr("CapEff:\t00000000a80425fb")));
  EXPECT_THAT(ran.out, HasSubstr("Seccomp:\t2\nmounted\nlocked\n")) << ran.err;
}

TEST_F(SandboxIsolation, steps_have_their_own_ipc_and_sessions) {
  EXPECT_EQ(sh("cut -d' ' -f6 /proc/$$/stat; [ $(readlink /proc/self/ns/ipc) ] && echo ok").out,
            "2\nok\n");
}

}  // namespace
}  // namespace cooper::builder
