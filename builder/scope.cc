#include "builder/scope.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"

namespace cooper::builder {
namespace {

std::string to_lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void check_names(const parser::Arg& arg) {
  for (const parser::Arg::Entry& entry : arg.entries) {
    if (entry.name.empty()) throw parser::DockerfileError("ARG names can not be blank", {arg.origin.range});
  }
}

// ATTEST-12: they tell the builder what to scan and are in no environment.
bool speaks_to_builder(std::string_view name) {
  return name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE";
}

}  // namespace

EnvironmentList::EnvironmentList(const std::vector<std::string>& key_value_words) {
  for (const std::string& word : key_value_words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      set(word, "");
    } else {
      set(word.substr(0, equals), word.substr(equals + 1));
    }
  }
}

void EnvironmentList::set(const std::string& name, const std::string& value) {
  for (auto& [known, text] : entries_) {
    if (known == name) {
      text = value;
      return;
    }
  }
  entries_.emplace_back(name, value);
}

void EnvironmentList::remove(std::string_view name) {
  std::erase_if(entries_, [name](const auto& entry) { return entry.first == name; });
}

std::vector<std::string> EnvironmentList::names() const {
  std::vector<std::string> list;
  for (const auto& entry : entries_) list.push_back(entry.first);
  return list;
}

std::optional<std::string> EnvironmentList::get(std::string_view name) const {
  for (const auto& [known, text] : entries_) {
    if (known == name) return text;
  }
  return std::nullopt;
}

std::vector<std::string> EnvironmentList::words() const {
  std::vector<std::string> list;
  list.reserve(entries_.size());
  for (const auto& [name, value] : entries_) list.push_back(name + "=" + value);
  return list;
}

GlobalScope::GlobalScope(std::map<std::string, std::string> build_args,
                         const std::vector<std::pair<std::string, std::string>>& automatic)
    : build_args_(std::move(build_args)) {
  for (const auto& [name, value] : automatic) {
    const auto given = build_args_.find(name);
    values_.set(name, given == build_args_.end() ? value : given->second);
  }
}

std::optional<std::string> GlobalScope::build_arg_or_default(const std::string& name) const {
  if (const auto given = build_args_.find(name); given != build_args_.end()) return given->second;
  const auto value = values_.get(name);
  if (!value || value->empty()) return std::nullopt;
  return *value;
}

void GlobalScope::settle(const std::string& name, const std::optional<std::string>& value) {
  if (!value) {
    build_args_.erase(name);
    values_.remove(name);
    return;
  }
  if (const auto given = build_args_.find(name); given != build_args_.end()) given->second = *value;
  if (values_.get(name)) values_.set(name, *value);
}

parser::Lookup GlobalScope::lookup() const {
  return [this](std::string_view name) { return values_.get(name); };
}

void GlobalScope::declare(const parser::Arg& arg, char escape) {
  check_names(arg);
  for (const parser::Arg::Entry& entry : arg.entries) {
    const auto given = build_args_.find(entry.name);
    if (given != build_args_.end()) {
      values_.set(entry.name, given->second);  // ARG-09: the default is not even expanded
    } else if (entry.value) {
      values_.set(entry.name, parser::expand_word(*entry.value, escape, lookup()));
    }
  }
}

parser::Lookup StageScope::lookup() const {
  return [this](std::string_view name) { return visible_.get(name); };
}

std::vector<std::string> StageScope::declare(const parser::Arg& arg, const GlobalScope& globals, char escape,
                                             std::vector<std::string>* unset) {
  check_names(arg);
  std::vector<std::string> words;
  for (const parser::Arg::Entry& entry : arg.entries) {
    std::optional<std::string> value;
    const auto given = globals.build_args().find(entry.name);
    if (given != globals.build_args().end()) {
      value = given->second;
    } else if (entry.value) {
      value = parser::expand_word(*entry.value, escape, lookup(), unset);  // ARG-08: sees earlier ones
    } else {
      value = globals.get(entry.name);
    }
    if (value) (speaks_to_builder(entry.name) ? hidden_ : visible_).set(entry.name, *value);
    if (!declared(entry.name)) declared_.push_back(entry.name);
    words.push_back(value ? entry.name + "=" + *value : entry.name);
  }
  return words;
}

bool StageScope::declared(std::string_view name) const {
  return std::find(declared_.begin(), declared_.end(), name) != declared_.end();
}

std::vector<std::string> StageScope::history_prefix() const {
  std::vector<std::string> words;
  if (declared_.empty()) return words;
  words.push_back(cat("|", declared_.size()));
  for (const std::string& name : declared_) {
    const auto value = visible_.get(name);
    words.push_back(name + "=" + (value ? *value : hidden_.get(name).value_or("")));
  }
  return words;
}

std::vector<std::pair<std::string, std::string>> proxy_variables(
    const std::map<std::string, std::string>& build_args) {
  static constexpr std::array<const char*, 5> kNames = {"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY",
                                                        "ALL_PROXY"};
  std::vector<std::pair<std::string, std::string>> list;
  for (const std::string upper : kNames) {
    const std::string lower = to_lower(upper);
    const std::string* value = nullptr;
    for (const auto& [name, text] : build_args) {
      if (to_lower(name) == lower) value = &text;
    }
    if (value == nullptr) continue;
    list.emplace_back(upper, *value);
    list.emplace_back(lower, *value);
  }
  return list;
}

}  // namespace cooper::builder
