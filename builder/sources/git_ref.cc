#include "builder/sources/git_ref.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/tree_path.h"

namespace cooper::builder {
namespace {

// Keys with all their values, "" for a bare key.
using Query = std::map<std::string, std::vector<std::string>>;

[[noreturn]] void refuse(const std::string& message) { throw Error(Errc::invalid, message); }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Query parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    query[decoded(pair.substr(0, equals), true)].push_back(decoded(value, true));
  }
  return query;
}

struct Parts {
  std::string remote;
  std::string query;
  std::string fragment;
};

// "remote?query#fragment", the fragment cut off first.
Parts take_apart(const std::string& text) {
  Parts parts;
  std::string_view rest = text;
  if (const std::size_t hash = rest.find('#'); hash != std::string_view::npos) {
    parts.fragment = rest.substr(hash + 1);
    rest = rest.substr(0, hash);
  }
  if (const std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
    parts.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  parts.remote = rest;
  return parts;
}

// "https" of "https://…"; "" when there is no such beginning.
std::string scheme_of(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0) return "";
  std::string scheme(text.substr(0, end));
  if (!std::all_of(scheme.begin(), scheme.end(), is_word)) return "";
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return scheme;
}

// user@host:path as scp(1) writes it.
bool is_scp_style(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0) return false;
  const std::size_t colon = text.find(':', at);
  if (colon == std::string_view::npos || colon == at + 1) return false;
  const std::string_view user = text.substr(0, at);
  const std::string_view host = text.substr(at + 1, colon - at - 1);
  return std::all_of(user.begin(), user.end(), [](char c) { return is_word(c) || c == '-' || c == '_'; }) &&
         std::all_of(host.begin(), host.end(), [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

bool read_bool(const std::string& key, const std::string& value) {
  if (value.empty()) return true;
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (value == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (value == no) return false;
  }
  refuse(cat("invalid ", key, " value: \"", value, "\""));
}

void agree(std::string& known, const std::string& value, const char* what) {
  if (!known.empty() && known != value) refuse(cat(what, " conflicts: \"", known, "\" vs \"", value, "\""));
  known = value;
}

std::string with_prefix(const std::string& prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : prefix + name;
}

std::string clean_subdir(const std::string& text) { return TreePath::clean(text).str(); }

void apply_query(const Query& query, GitRef& ref) {
  GitSource& source = ref.source;
  std::string tag;
  std::string branch;
  for (const auto& [key, values] : query) {
    const bool is_switch = key == "submodules" || key == "keep-git-dir" || key == "fetch-by-commit";
    if (values.size() > 1) refuse(cat("query \"", key, "\" has multiple values"));
    const std::string& value = values.front();
    if (value.empty() && !is_switch) refuse(cat("query \"", key, "\" has no value"));
    if (key == "ref") {
      agree(source.ref, value, "ref");
    } else if (key == "tag") {
      tag = with_prefix("refs/tags/", value);
    } else if (key == "branch") {
      branch = with_prefix("refs/heads/", value);
    } else if (key == "subdir") {
      agree(source.subdir, clean_subdir(value), "subdir");
    } else if (key == "commit" || key == "checksum") {
      source.checksum = value;
    } else if (key == "keep-git-dir") {
      ref.keep_git_dir = read_bool(key, value);
    } else if (key == "submodules") {
      source.submodules = read_bool(key, value);
    } else if (key == "fetch-by-commit") {
      source.fetch_by_commit = read_bool(key, value);
    } else if (key == "mtime") {
      if (value != "checkout" && value != "commit") {
        refuse(cat("invalid mtime value: \"", value, "\" (must be \"checkout\" or \"commit\")"));
      }
      source.commit_times = value == "commit";
    } else {
      refuse(cat("unexpected query \"", key, "\""));
    }
  }
  if (!tag.empty()) agree(source.ref, tag, "ref");
  if (branch.empty()) return;
  if (!tag.empty()) refuse("branch conflicts with tag");
  agree(source.ref, branch, "ref");
}

}  // namespace

std::string decode_percent(std::string_view text) { return decoded(text, false); }

bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<GitRef> parse_git_ref(const std::string& text) {
  const bool may_be_remote = text.find(':') != std::string::npos || text.starts_with("github.com/");
  if (!may_be_remote || text.starts_with("./") || text.starts_with("../")) return std::nullopt;
  Parts parts = take_apart(text);
  GitRef ref;
  const std::string scheme = scheme_of(text);
  if (text.starts_with("github.com/")) {
    ref.looks_local = true;
    parts.remote = "https://" + parts.remote;
  } else if (scheme == "http" || scheme == "https") {
    if (!decoded(parts.remote, false).ends_with(".git")) return std::nullopt;
  } else if (scheme != "ssh" && scheme != "git") {
    if (!scheme.empty() || !is_scp_style(parts.remote)) return std::nullopt;
  }
  ref.source.remote = parts.remote;
  const std::string fragment = scheme.empty() ? parts.fragment : decoded(parts.fragment, false);
  const std::size_t colon = fragment.find(':');
  ref.source.ref = fragment.substr(0, colon);
  if (colon != std::string::npos) ref.source.subdir = clean_subdir(fragment.substr(colon + 1));
  apply_query(parse_query(parts.query), ref);
  ref.source.keep_git_dir = ref.keep_git_dir.value_or(false);
  if (ref.source.ref.starts_with("-")) refuse(cat("invalid git ref \"", ref.source.ref, "\""));
  return ref;
}

}  // namespace cooper::builder
