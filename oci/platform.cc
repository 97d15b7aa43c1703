#include "oci/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "base/error.h"

namespace cooper::oci {
namespace {

// The GOOS and GOARCH values, by which the field tells "linux" from "arm64" in a one-word platform.
constexpr auto kSystems = std::to_array<std::string_view>(
    {"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux",
     "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"});
constexpr auto kArchitectures = std::to_array<std::string_view>(
    {"386",     "amd64",  "amd64p32", "arm",      "armbe",     "arm64",       "arm64be", "loong64",
     "mips",    "mipsle", "mips64",   "mips64le", "mips64p32", "mips64p32le", "ppc",     "ppc64",
     "ppc64le", "riscv",  "riscv64",  "s390",     "s390x",     "sparc",       "sparc64", "wasm"});

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& known, std::string_view word) {
  return std::find(known.begin(), known.end(), word) != known.end();
}

std::string lower(std::string text) {
  for (char& byte : text) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return text;
}

bool is_word(std::string_view text, bool dots) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [dots](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || (dots && byte == '.');
  });
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw Error(Errc::invalid,
              cat("failed to parse platform ", text.empty() ? "\"\"" : text, ": ", why));
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t slash = text.find('/');
    parts.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

// "windows(10.0.17763)": the system, with its version in parentheses.
void read_system(std::string_view text, std::string_view part, Platform& platform) {
  const std::size_t open = part.find('(');
  if (open != std::string_view::npos) {
    if (!part.ends_with(')')) refuse(text, "the OS version lacks its closing parenthesis");
    const std::string_view version = part.substr(open + 1, part.size() - open - 2);
    if (!is_word(version, true)) refuse(text, "invalid OS version");
    platform.os_version = version;
    part = part.substr(0, open);
  }
  if (!is_word(part, false)) refuse(text, cat("invalid component \"", part, "\""));
  platform.os = part;
}

// "v7" 70, "v8.2" 82; the default of the architecture when there is none; nullopt: not a number.
std::optional<int> variant_rank(const Platform& platform) {
  std::string_view variant = platform.variant;
  if (variant.empty()) {
    if (platform.architecture == "amd64") return 10;
    if (platform.architecture == "arm64") return 80;
    if (platform.architecture == "arm") return 70;
    return 0;
  }
  if (variant.front() != 'v' || variant.size() < 2 || variant.size() > 4) return std::nullopt;
  variant.remove_prefix(1);
  const std::size_t point = variant.find('.');
  const std::string_view major = variant.substr(0, point);
  const std::string_view minor = point == std::string_view::npos ? "0" : variant.substr(point + 1);
  const auto digit = [](std::string_view text) { return text[0] >= '0' && text[0] <= '9'; };
  if (major.size() != 1 || minor.size() != 1 || !digit(major) || !digit(minor)) return std::nullopt;
  return (major[0] - '0') * 10 + (minor[0] - '0');
}

// Architectures whose programs the wanted one runs as well, as containerd's platform vectors have
// them.
bool runs_too(std::string_view want, std::string_view have) {
  return (want == "amd64" && have == "386") || (want == "arm64" && have == "arm");
}

}  // namespace

std::string Platform::str() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform normalize(Platform platform) {
  platform.os = lower(std::move(platform.os));
  std::string arch = lower(std::move(platform.architecture));
  std::string variant = lower(std::move(platform.variant));
  if (platform.os == "macos") platform.os = "darwin";
  if (arch == "i386" || arch == "i686" || arch == "x86") {
    arch = "386";
    variant.clear();
  } else if (arch == "x86_64" || arch == "x86-64" || arch == "amd64") {
    arch = "amd64";
    if (variant == "v1") variant.clear();
  } else if (arch == "aarch64" || arch == "arm64") {
    arch = "arm64";
    if (variant == "8" || variant == "v8" || variant == "v8.0") variant.clear();
    if (variant == "9" || variant == "v9.0") variant = "v9";
  } else if (arch == "armhf") {
    arch = "arm";
    variant = "v7";
  } else if (arch == "armel") {
    arch = "arm";
    variant = "v6";
  } else if (arch == "arm") {
    if (variant.empty()) variant = "v7";
    if (variant.size() == 1 && variant[0] >= '5' && variant[0] <= '8') variant.insert(0, 1, 'v');
  }
  platform.architecture = std::move(arch);
  platform.variant = std::move(variant);
  return platform;
}

Platform parse_platform(std::string_view text) {
  const std::vector<std::string_view> parts = split(text);
  if (parts.size() > 3) refuse(text, "expected os[/architecture[/variant]]");
  Platform platform;
  if (parts.size() == 1 && parts[0].find('(') == std::string_view::npos) {
    if (!is_word(parts[0], true)) refuse(text, "expected os[/architecture[/variant]]");
    const Platform host = host_platform();
    Platform by_arch = normalize({host.os, std::string(parts[0]), "", ""});
    if (is_one_of(kArchitectures, by_arch.architecture)) return by_arch;
    const Platform by_os = normalize({std::string(parts[0]), host.architecture, "", ""});
    if (!is_one_of(kSystems, by_os.os)) refuse(text, "unknown operating system or architecture");
    return {by_os.os, host.architecture, host.variant, ""};
  }
  read_system(text, parts[0], platform);
  for (const std::string_view part : parts) {
    if (part.data() != parts[0].data() && !is_word(part, true)) {
      refuse(text, cat("invalid component \"", part, "\""));
    }
  }
  if (parts.size() == 1) {
    const Platform host = host_platform();
    platform.architecture = host.architecture;
    platform.variant = host.variant;
  }
  if (parts.size() > 1) platform.architecture = parts[1];
  if (parts.size() > 2) platform.variant = parts[2];
  return normalize(std::move(platform));
}

Platform host_platform() {
  struct utsname host {};
  if (::uname(&host) != 0) throw_errno("asking for", "the machine's name");
  const std::string machine(host.machine);
  if (machine.starts_with("armv") && machine.size() > 4) {
    // armv8l is a 64-bit machine running 32-bit programs, which are v7 programs.
    const char version = std::min(machine[4], '7');
    return normalize({"linux", "arm", std::string("v") + version, ""});
  }
  if (machine.size() == 4 && machine.starts_with('i') && machine.ends_with("86")) {
    return {"linux", "386", "", ""};
  }
  if (machine.starts_with("loongarch64")) return {"linux", "loong64", "", ""};
  const bool little = std::endian::native == std::endian::little;
  if (little && (machine == "mips" || machine == "mips64"))
    return {"linux", machine + "le", "", ""};
  return normalize({"linux", machine, "", ""});
}

int match_score(const Platform& want_raw, const Platform& have_raw) {
  const Platform want = normalize(want_raw);
  const Platform have = normalize(have_raw);
  if (want.os != have.os) return 0;
  if (!want.os_version.empty() && !have.os_version.empty() && want.os_version != have.os_version) {
    return 0;
  }
  const int version_bonus = want.os_version == have.os_version ? 1 : 0;
  if (want.architecture != have.architecture) {
    if (!runs_too(want.architecture, have.architecture)) return 0;
    return 2 * (500 + variant_rank(have).value_or(0)) + version_bonus;
  }
  if (want.variant == have.variant) return 2 * 1000 + version_bonus;
  const auto want_rank = variant_rank(want);
  const auto have_rank = variant_rank(have);
  if (!want_rank || !have_rank || *have_rank > *want_rank) return 0;
  return 2 * (1000 - (*want_rank - *have_rank)) + version_bonus;
}

}  // namespace cooper::oci
