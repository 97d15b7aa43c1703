#include "builder/sandbox/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "base/error.h"
#include "builder/sandbox/seccomp_syscalls.h"

// libseccomp names the calls; the program is made here. Its own generator was measured to take 20
// ms for this list, which is most of a small build.

namespace cooper::builder {
namespace {

using Program = std::vector<sock_filter>;

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kCloneNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                           CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                           CLONE_NEWNET;

sock_filter statement(unsigned code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}
sock_filter jump(unsigned code, std::uint32_t k, std::size_t if_true, std::size_t if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | code), static_cast<std::uint8_t>(if_true),
          static_cast<std::uint8_t>(if_false), k};
}
sock_filter load(std::size_t offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
void append(Program& program, const Program& more) {
  program.insert(program.end(), more.begin(), more.end());
}

const Program kAllow{statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
const Program kDeny{statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)};
const Program kMissing{statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)};

// The low half of an argument. The kernel cuts clone's flags, families and personalities to 32 bits
// itself, so the high half can't hide anything.
sock_filter load_argument(std::size_t index) {
  return load(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
}

// The number line, cut into pieces: from each key to the next, one block of instructions.
class NumberLine {
 public:
  explicit NumberLine(const Program& otherwise) { cuts_.emplace(0, otherwise); }

  void set(std::uint32_t first, std::uint32_t last, const Program& block) {
    const Program after = at(last + 1);
    cuts_.erase(cuts_.lower_bound(first), cuts_.upper_bound(last));
    cuts_[first] = block;
    if (last != UINT32_MAX) cuts_[last + 1] = after;
  }
  void set(std::uint32_t number, const Program& block) { set(number, number, block); }

  // Finds the accumulator's piece by halving.
  Program search() const {
    std::vector<std::pair<std::uint32_t, Program>> pieces;
    for (const auto& [start, block] : cuts_) {
      if (pieces.empty() || !equal(pieces.back().second, block)) pieces.emplace_back(start, block);
    }
    return search(pieces, 0, pieces.size());
  }

 private:
  static bool equal(const Program& left, const Program& right) {
    return left.size() == 1 && right.size() == 1 && left[0].k == right[0].k;
  }
  const Program& at(std::uint32_t number) const {
    return std::prev(cuts_.upper_bound(number))->second;
  }
  static Program search(const std::vector<std::pair<std::uint32_t, Program>>& pieces,
                        std::size_t begin, std::size_t end) {
    if (end - begin == 1) return pieces[begin].second;
    const std::size_t middle = begin + (end - begin) / 2;
    const Program low = search(pieces, begin, middle);
    Program program;
    if (low.size() <= UINT8_MAX) {
      program = {jump(BPF_JGE, pieces[middle].first, low.size(), 0)};
    } else {
      program = {jump(BPF_JGE, pieces[middle].first, 0, 1),
                 statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(low.size()))};
    }
    append(program, low);
    append(program, search(pieces, middle, end));
    return program;
  }

  std::map<std::uint32_t, Program> cuts_;
};

Program check_clone() {
  Program program{load_argument(0), statement(BPF_ALU | BPF_AND | BPF_K, kCloneNamespaces),
                  jump(BPF_JEQ, 0, 0, kAllow.size())};
  append(program, kAllow);
  append(program, kDeny);
  return program;
}

Program check_socket() {
  NumberLine families(kDeny);
  for (const NumberRange& range : allowed_socket_families()) {
    families.set(range.first, range.last, kAllow);
  }
  Program program{load_argument(0)};
  append(program, families.search());
  return program;
}

Program check_personality() {
  NumberLine personalities(kDeny);
  for (const std::uint32_t value : allowed_personalities()) personalities.set(value, kAllow);
  Program program{load_argument(0)};
  append(program, personalities.search());
  return program;
}

// A table of calls: the library's name for it, and the bit that all its numbers carry.
struct Table {
  std::uint32_t library_arch;
  std::uint32_t number_bit;
};

void add_named(NumberLine& line, const Table& table) {
  const auto set = [&](const char* name, const Program& block) {
    // Negative: the architecture lacks it.
    const int number = seccomp_syscall_resolve_name_arch(table.library_arch, name);
    if (number >= 0) line.set(static_cast<std::uint32_t>(number), block);
  };
  for (const char* name : allowed_syscalls()) set(name, kAllow);
  set("clone", check_clone());
  set("socket", check_socket());
  set("personality", check_personality());
}

void add_table(NumberLine& line, const Table& table) {
  const std::uint32_t bit = table.number_bit;
  line.set(bit, bit + kLastKnownSyscall, kDeny);
  add_named(line, table);
  if (table.library_arch == SCMP_ARCH_X86) {
    // The library hides these behind socketcall and ipc: socket itself, its kin, and System V IPC.
    line.set(359, check_socket());
    line.set(360, 373, kAllow);
    line.set(393, 402, kAllow);
  }
  for (const NumberRange& range : allowed_common_syscalls()) {
    line.set(bit + range.first, bit + range.last, kAllow);
  }
  line.set(bit + 435, kMissing);  // clone3
}

// The calls of one audit architecture, which may have two tables.
struct Architecture {
  std::uint32_t audit_arch;
  std::vector<Table> tables;
};

std::vector<Architecture> architectures() {
  switch (seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
      return {{AUDIT_ARCH_X86_64, {{SCMP_ARCH_X86_64, 0}, {SCMP_ARCH_X32, kX32Bit}}},
              {AUDIT_ARCH_I386, {{SCMP_ARCH_X86, 0}}}};
    case SCMP_ARCH_AARCH64:
      return {{AUDIT_ARCH_AARCH64, {{SCMP_ARCH_AARCH64, 0}}},
              {AUDIT_ARCH_ARM, {{SCMP_ARCH_ARM, 0}}}};
    case SCMP_ARCH_RISCV64:
      return {{AUDIT_ARCH_RISCV64, {{SCMP_ARCH_RISCV64, 0}}}};
    default:
      throw Error(Errc::unsupported, "RUN has no system call filter for this processor yet");
  }
}

// fill: what one architecture's calls do.
template <class Fill>
Program make_filter(const Fill& fill) {
  Program program{load(offsetof(seccomp_data, arch))};
  for (const Architecture& architecture : architectures()) {
    const NumberLine line = fill(architecture);
    Program block{load(offsetof(seccomp_data, nr))};
    append(block, line.search());
    append(program, {jump(BPF_JEQ, architecture.audit_arch, 1, 0),
                     statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(block.size()))});
    append(program, block);
  }
  // An architecture this machine should not have.
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  if (program.size() > BPF_MAXINSNS) throw Error(Errc::io, "the system call filter is too long");
  return program;
}

}  // namespace

const std::vector<sock_filter>& step_seccomp_filter() {
  static const Program filter = make_filter([](const Architecture& architecture) {
    NumberLine line(kMissing);
    for (const Table& table : architecture.tables) add_table(line, table);
    if (architecture.audit_arch == AUDIT_ARCH_X86_64) line.set(335, kAllow);  // uretprobe
    return line;
  });
  return filter;
}

const std::vector<sock_filter>& insecure_seccomp_filter() {
  static const Program filter = make_filter([](const Architecture& architecture) {
    NumberLine line(kAllow);
    for (const Table& table : architecture.tables) {
      for (const char* name : {"add_key", "keyctl", "request_key"}) {
        const int number = seccomp_syscall_resolve_name_arch(table.library_arch, name);
        if (number >= 0) line.set(static_cast<std::uint32_t>(number), kDeny);
      }
    }
    return line;
  });
  return filter;
}

}  // namespace cooper::builder
