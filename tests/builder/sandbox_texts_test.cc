// The sandbox's small decisions, without a sandbox: generated files, sub-id files, id maps, limits.

#include <gmock/gmock.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "builder/sandbox/network_files.h"
#include "builder/sandbox/seccomp_filter.h"
#include "builder/sandbox/sub_ids.h"
#include "builder/sandbox/ulimits.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

using ::testing::ElementsAre;

constexpr const char* kPublic =
    "nameserver 8.8.8.8\nnameserver 8.8.4.4\nnameserver 2001:4860:4860::8888\n"
    "nameserver 2001:4860:4860::8844\n";

TEST(ResolvConf, RUN_10_which_servers_a_step_gets) {
  struct Case {
    const char* host;
    const char* upstream;
    Network network;
    std::string expected;
  };
  const std::string search = "search example.org\n";
  for (const Case& test : {
           Case{"nameserver 1.1.1.1\n", "", Network::none, "nameserver 1.1.1.1\n"},
           Case{"nameserver 1.1.1.1\nnameserver 127.0.0.1\n", "", Network::none,
                "nameserver 1.1.1.1\n"},
           Case{"search example.org\nnameserver 127.0.0.1\n", "", Network::none, search + kPublic},
           Case{"nameserver ::1\n", "", Network::none, kPublic},
           Case{"nameserver 127.0.0.53\n", "nameserver 9.9.9.9\n", Network::none,
                "nameserver 9.9.9.9\n"},
           Case{"nameserver 127.0.0.53\nnameserver 1.1.1.1\n", "nameserver 9.9.9.9\n",
                Network::none, "nameserver 1.1.1.1\n"},
           Case{"nameserver 127.0.0.53\n", "", Network::none, kPublic},
           Case{"nameserver 127.0.0.53\n", "nameserver 9.9.9.9\n", Network::host,
                "nameserver 127.0.0.53\n"},
           Case{"", "", Network::host, kPublic},
           Case{"# nameserver 1.1.1.1\nnameserverless\n", "", Network::none,
                std::string("# nameserver 1.1.1.1\nnameserverless\n") + kPublic},
       }) {
    EXPECT_EQ(resolv_conf_text(test.host, test.upstream, test.network), test.expected) << test.host;
  }
}

TEST(Hosts, RUN_09_lines) {
  EXPECT_EQ(hosts_text("h", {{"a", "1.2.3.4"}}),
            "127.0.0.1\tlocalhost h\n::1\tlocalhost ip6-localhost ip6-loopback\n1.2.3.4\ta\n");
}

TEST(SubIds, ranges_by_name_and_number_in_order) {
  const char* text =
      "other:1:2\nme:100000:65536\n1000:300000:10\n"
      "me:bad:1\nme:5\nme:7:0\nme:4294967295:2\nme:9:9:9\n\nme:500000:1";
  EXPECT_THAT(parse_sub_ids(text, "me", 1000),
              ElementsAre(SubIds{100000, 65536}, SubIds{300000, 10}, SubIds{500000, 1}));
  EXPECT_THAT(parse_sub_ids(text, "", 1000), ElementsAre(SubIds{300000, 10}));
  EXPECT_THAT(parse_sub_ids("", "me", 1000), ElementsAre());
}

TEST(IdMap, outside_ids) {
  const std::vector<IdRange> map{{0, 1000, 1}, {1, 100000, 10}};
  EXPECT_EQ(outside_id(map, 0), 1000U);
  EXPECT_EQ(outside_id(map, 1), 100000U);
  EXPECT_EQ(outside_id(map, 10), 100009U);
  EXPECT_EQ(outside_id(map, 11), std::nullopt);
  EXPECT_EQ(map_text(map), "0 1000 1\n1 100000 10\n");
}

TEST(Ulimits, RUN_23_names) {
  EXPECT_EQ(plan_limits({{"nofile", 1, 2}}).size(), 1U);
  EXPECT_THROW(plan_limits({{"nofiles", 1, 2}}), Error);
  EXPECT_THROW(plan_limits({{"nofile", 3, 2}}), Error);
}

// A filter in memory: what it answers for a call.
std::uint32_t answer(std::uint32_t arch, std::uint32_t number, std::uint64_t argument = 0) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  data.args[0] = argument;
  const auto word = [&](std::uint32_t offset) {
    std::uint32_t value = 0;
    std::memcpy(&value, reinterpret_cast<const char*>(&data) + offset, sizeof value);
    return value;
  };
  const auto& program = step_seccomp_filter();
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& line = program[at];
    const auto branch = [&](bool taken) { at += taken ? line.jt : line.jf; };
    switch (line.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        accumulator = word(line.k);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= line.k;
        break;
      case BPF_JMP | BPF_JA:
        at += line.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        branch(accumulator == line.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        branch(accumulator >= line.k);
        break;
      case BPF_RET | BPF_K:
        return line.k;
      default:
        ADD_FAILURE() << "unexpected instruction " << line.code;
        return 0;
    }
  }
  ADD_FAILURE() << "fell off the end";
  return 0;
}

#if defined(__x86_64__)
TEST(SeccompFilter, RUN_14_answers) {
  constexpr std::uint32_t kX32 = 0x40000000;
  const std::uint32_t allow = SECCOMP_RET_ALLOW;
  const std::uint32_t deny = SECCOMP_RET_ERRNO | EPERM;
  const std::uint32_t missing = SECCOMP_RET_ERRNO | ENOSYS;
  struct Case {
    const char* what;
    std::uint32_t arch;
    std::uint32_t number;
    std::uint64_t argument;
    std::uint32_t expected;
  };
  for (const Case& test : {
           Case{"read", AUDIT_ARCH_X86_64, 0, 0, allow},
           {"mount", AUDIT_ARCH_X86_64, 165, 0, deny},
           {"unshare", AUDIT_ARCH_X86_64, 272, 0, deny},
           {"setns", AUDIT_ARCH_X86_64, 308, 0, deny},
           {"keyctl", AUDIT_ARCH_X86_64, 250, 0, deny},
           {"bpf", AUDIT_ARCH_X86_64, 321, 0, deny},
           {"open_by_handle_at", AUDIT_ARCH_X86_64, 304, 0, deny},
           {"chroot", AUDIT_ARCH_X86_64, 161, 0, allow},
           {"ptrace", AUDIT_ARCH_X86_64, 101, 0, allow},
           {"clone as fork", AUDIT_ARCH_X86_64, 56, SIGCHLD, allow},
           {"clone of a user namespace", AUDIT_ARCH_X86_64, 56, 0x10000000, deny},
           {"clone of a mount namespace", AUDIT_ARCH_X86_64, 56, 0x00020000 | SIGCHLD, deny},
           {"clone3", AUDIT_ARCH_X86_64, 435, 0, missing},
           {"AF_INET", AUDIT_ARCH_X86_64, 41, 2, allow},
           {"AF_NETLINK", AUDIT_ARCH_X86_64, 41, 16, allow},
           {"AF_ALG", AUDIT_ARCH_X86_64, 41, 38, deny},
           {"AF_VSOCK", AUDIT_ARCH_X86_64, 41, 40, deny},
           {"AF_VSOCK with a high half", AUDIT_ARCH_X86_64, 41, 0x100000000 + 40, deny},
           {"a family to come", AUDIT_ARCH_X86_64, 41, 60, deny},
           {"personality", AUDIT_ARCH_X86_64, 135, 0, allow},
           {"personality asks", AUDIT_ARCH_X86_64, 135, 0xffffffff, allow},
           {"personality without ASLR", AUDIT_ARCH_X86_64, 135, 0x0040000, deny},
           {"io_uring_setup", AUDIT_ARCH_X86_64, 425, 0, deny},
           {"openat2", AUDIT_ARCH_X86_64, 437, 0, allow},
           {"mount_setattr", AUDIT_ARCH_X86_64, 442, 0, deny},
           {"fchmodat2", AUDIT_ARCH_X86_64, 452, 0, allow},
           {"removexattrat", AUDIT_ARCH_X86_64, 466, 0, allow},
           {"newer than the list", AUDIT_ARCH_X86_64, 467, 0, missing},
           {"x32 read", AUDIT_ARCH_X86_64, kX32, 0, allow},
           {"x32 mount", AUDIT_ARCH_X86_64, kX32 + 165, 0, deny},
           {"x32 unshare by the old number", AUDIT_ARCH_X86_64, kX32 + 272, 0, deny},
           {"i386 read", AUDIT_ARCH_I386, 3, 0, allow},
           {"i386 mount", AUDIT_ARCH_I386, 21, 0, deny},
           {"i386 clone of a user namespace", AUDIT_ARCH_I386, 120, 0x10000000, deny},
           {"i386 socket AF_VSOCK", AUDIT_ARCH_I386, 359, 40, deny},
           {"i386 connect", AUDIT_ARCH_I386, 362, 0, allow},
           {"i386 clock_gettime64", AUDIT_ARCH_I386, 403, 0, allow},
           {"another machine's", AUDIT_ARCH_AARCH64, 0, 0, SECCOMP_RET_KILL_PROCESS},
       }) {
    EXPECT_EQ(answer(test.arch, test.number, test.argument), test.expected) << test.what;
  }
}
#endif

}  // namespace
}  // namespace cooper::builder
