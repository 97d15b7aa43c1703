#include "tests/architecture/checker.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>

namespace cooper::architecture {
namespace {

using Names = std::set<std::string>;

const std::map<std::string, Names>& include_table() {
  static const std::map<std::string, Names> table = {
      {"base", {}},
      {"parser", {"base"}},
      {"oci", {"base"}},
      {"layers", {"oci", "base"}},
      {"cache", {"oci", "base"}},
      {"builder", {"parser", "layers", "cache", "oci", "base"}},
      {"cmd", {"builder", "parser", "layers", "cache", "oci", "base"}},
  };
  return table;
}

struct Library {
  // Names ending in '/' or '*' stand for all that begins so.
  std::vector<std::string> headers;
  Names homes;
};

// <linux/seccomp.h> is the kernel's and free to all; <seccomp.h> is libseccomp's.
const std::vector<Library>& libraries() {
  static const std::vector<Library> list = {
      {{"archive.h", "archive_entry.h"}, {"layers"}},
      {{"libdeflate.h"}, {"oci", "layers"}},
      {{"zlib.h", "zconf.h"}, {"layers"}},
      {{"zstd.h", "zstd_errors.h", "zdict.h"}, {"layers"}},
      {{"isa-l*", "igzip_lib.h"}, {"layers"}},
      {{"xxh*"}, {"layers"}},
      {{"openssl/"}, {"oci"}},
      {{"curl/"}, {"oci"}},
      {{"sqlite3*"}, {"cache"}},
      {{"seccomp.h"}, {"builder"}},
      {{"sys/capability.h"}, {"builder"}},
      {{"CLI/"}, {"cmd"}},
      {{"toml++/"}, {"cmd"}},
      {{"nlohmann/"}, {"oci", "cache", "builder", "cmd"}},
  };
  return list;
}

bool holds(const Library& library, std::string_view header) {
  return std::any_of(library.headers.begin(), library.headers.end(), [&](std::string_view name) {
    if (name.ends_with('*')) return header.starts_with(name.substr(0, name.size() - 1));
    return name.ends_with('/') ? header.starts_with(name) : header == name;
  });
}

struct Ban {
  std::vector<std::string> words;
  bool call;  // only where '(' follows
  std::string what;
  std::vector<std::string> allowed;  // path prefixes
};

const std::vector<Ban>& bans() {
  static const std::vector<Ban> list = {
      {{"cout", "cerr", "clog"}, false, "only cmd prints", {"cmd/"}},
      {{"printf", "fprintf", "vprintf", "vfprintf", "dprintf", "vdprintf", "puts", "putchar",
        "perror"},
       true,
       "only cmd prints",
       {"cmd/"}},
      {{"getenv", "secure_getenv"}, true, "settings are read in cmd", {"cmd/", "base/temp_dir.cc"}},
      // spawn.cc: the child of vfork has no other way out when exec fails.
      {{"exit", "_exit", "_Exit", "quick_exit"},
       true,
       "only main ends the program",
       {"cmd/main.cc", "builder/sandbox/", "base/spawn.cc"}},
      {{"system", "popen"}, true, "no shell stands between us and a program", {}},
      {{"pipe"}, true, "use make_pipe: close-on-exec from the start", {}},
  };
  return list;
}

constexpr bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Whether line has word as a whole word; if it must be a call, followed by '(' and not a member of
// some object.
bool has_word(std::string_view line, std::string_view word, bool call) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if (at > 0 && is_word(line[at - 1])) continue;
    if (end < line.size() && is_word(line[end])) continue;
    const bool is_member = line.substr(0, at).ends_with('.') || line.substr(0, at).ends_with("->");
    const std::size_t next = line.find_first_not_of(" \t", end);
    if (call && is_member) continue;
    if (!call || (next != std::string_view::npos && line[next] == '(')) return true;
  }
  return false;
}

struct IncludeLine {
  std::string header;
  bool quoted;
};

std::optional<IncludeLine> parse_include(std::string_view line) {
  const auto skip = [&](std::string_view expected) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with(expected)) return false;
    line.remove_prefix(expected.size());
    return true;
  };
  if (!skip("#") || !skip("include")) return std::nullopt;
  const bool quoted = skip("\"");
  if (!quoted && !skip("<")) return std::nullopt;
  return IncludeLine{std::string(line.substr(0, line.find(quoted ? '"' : '>'))), quoted};
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string finding(const std::string& path, std::size_t line, const std::string& what) {
  return path + ":" + std::to_string(line) + ": " + what;
}

template <class Body>
void for_each_line(const std::string& text, const Body& body) {
  std::istringstream lines(text);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) body(number, line);
}

std::optional<std::string> check_library(const std::string& path, const std::string& header) {
  for (const Library& library : libraries()) {
    if (!holds(library, header)) continue;
    if (!library.homes.contains(folder_of(path))) {
      return header + " does not belong into " + folder_of(path);
    }
    // The one private header through which libcurl is loaded at run time needs its types.
    if (path == "oci/http_curl.h") continue;
    if (!path.ends_with(".cc")) return header + " may appear in .cc files only";
  }
  return std::nullopt;
}

std::optional<std::string> check_include(const std::string& path, const std::string& header,
                                         bool quoted) {
  const std::string from = folder_of(path);
  const std::string to = folder_of(header);
  if (to == "tests") return "nothing includes tests/";
  if (header.find("..") != std::string::npos) return header + " climbs: include from the root";
  if (!include_table().contains(to)) {
    if (auto problem = check_library(path, header)) return problem;
    if (quoted) return header + " is not an include from the root of a folder of ours";
    return std::nullopt;
  }
  const auto row = include_table().find(from);
  const bool allowed = row != include_table().end() && (from == to || row->second.contains(to));
  if (!allowed) return from + " may not include " + to + " (" + header + ")";
  if (!quoted) return header + " is ours: include it with quotes";
  return std::nullopt;
}

}  // namespace

const std::vector<std::string>& code_folders() {
  static const std::vector<std::string> folders = {"base",  "parser",  "oci", "layers",
                                                   "cache", "builder", "cmd"};
  return folders;
}

std::vector<std::string> check_includes(const std::string& path, std::string_view content) {
  std::vector<std::string> findings;
  for_each_line(blank_out(content, true), [&](std::size_t number, const std::string& line) {
    const auto include = parse_include(line);
    if (!include) return;
    if (const auto problem = check_include(path, include->header, include->quoted)) {
      findings.push_back(finding(path, number, *problem));
    }
  });
  return findings;
}

std::vector<std::string> check_calls(const std::string& path, std::string_view content) {
  std::vector<std::string> findings;
  const auto is_allowed = [&](const Ban& ban) {
    return std::any_of(ban.allowed.begin(), ban.allowed.end(),
                       [&](const std::string& prefix) { return path.starts_with(prefix); });
  };
  for_each_line(blank_out(content, false), [&](std::size_t number, const std::string& line) {
    for (const Ban& ban : bans()) {
      if (is_allowed(ban)) continue;
      for (const std::string& word : ban.words) {
        if (!has_word(line, word, ban.call)) continue;
        findings.push_back(finding(path, number, ban.what + ": " + word));
      }
    }
  });
  return findings;
}

std::vector<std::string> check_length(const std::string& path, std::string_view content) {
  constexpr std::ptrdiff_t kMaxLines = 400;
  auto lines = std::count(content.begin(), content.end(), '\n');
  if (!content.empty() && !content.ends_with('\n')) ++lines;
  if (lines <= kMaxLines) return {};
  return {finding(path, static_cast<std::size_t>(lines),
                  "longer than " + std::to_string(kMaxLines) + " lines: split it by noun")};
}

std::vector<std::string> check_file(const std::string& path, std::string_view content) {
  std::vector<std::string> findings = check_includes(path, content);
  for (const auto& check : {check_calls, check_length}) {
    const auto more = check(path, content);
    findings.insert(findings.end(), more.begin(), more.end());
  }
  return findings;
}

}  // namespace cooper::architecture
