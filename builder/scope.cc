#include "builder/scope.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "base/error.h"
#include "parser/text.h"

namespace cooper::builder {
namespace {

void check_names(const parser::Arg& arg) {
  for (const parser::Arg::Entry& entry : arg.entries) {
    if (entry.name.empty()) throw parser::DockerfileError("ARG names can not be blank", {arg.origin.range});
  }
}

}  // namespace

bool speaks_to_builder(std::string_view name) {
  return name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE";
}

std::optional<std::size_t> NameList::position(std::string_view name) const {
  if (slots_.empty()) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    return found == names_.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - names_.begin()));
  }
  const std::uint32_t taken = slots_[slot_of(name)];
  return taken == 0 ? std::nullopt : std::optional<std::size_t>(taken - 1);
}

std::size_t NameList::slot_of(std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>()(name) & mask;
  while (slots_[slot] != 0 && names_[slots_[slot] - 1] != name) slot = (slot + 1) & mask;
  return slot;
}

void NameList::index_all() {
  slots_.assign(std::bit_ceil(4 * names_.size()), 0);
  for (std::size_t i = 0; i < names_.size(); ++i) slots_[slot_of(names_[i])] = static_cast<std::uint32_t>(i + 1);
}

std::size_t NameList::add(const std::string& name) {
  constexpr std::size_t kFew = 32;
  if (const auto known = position(name)) return *known;
  names_.push_back(name);
  const std::size_t last = names_.size() - 1;
  if (last < kFew) return last;
  if (2 * names_.size() > slots_.size()) {
    index_all();
  } else {
    slots_[slot_of(name)] = static_cast<std::uint32_t>(names_.size());
  }
  return last;
}

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
  const std::size_t at = names_.add(name);
  if (at == values_.size()) {
    values_.push_back(value);
  } else {
    values_[at] = value;
  }
}

void EnvironmentList::remove(std::string_view name) {
  EnvironmentList kept;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (names()[i] != name) kept.set(names()[i], values_[i]);
  }
  *this = std::move(kept);
}

std::optional<std::string> EnvironmentList::get(std::string_view name) const {
  const auto known = names_.position(name);
  return known ? std::optional(values_[*known]) : std::nullopt;
}

std::vector<std::string> EnvironmentList::words() const {
  std::vector<std::string> list;
  list.reserve(values_.size());
  for (std::size_t i = 0; i < values_.size(); ++i) list.push_back(names()[i] + "=" + values_[i]);
  return list;
}

GlobalScope::GlobalScope(std::map<std::string, std::string> build_args,
                         const std::vector<std::pair<std::string, std::string>>& automatic)
    : build_args_(std::move(build_args)) {
  for (const auto& [name, value] : automatic) {
    const auto given = build_args_.find(name);
    values_.set(name, given == build_args_.end() ? value : given->second);
    names_.add(name);
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

GlobalScope GlobalScope::without_build_args() const {
  GlobalScope scope = *this;
  scope.build_args_.clear();
  return scope;
}

parser::Lookup GlobalScope::lookup() const {
  return [this](std::string_view name) { return values_.get(name); };
}

void GlobalScope::declare(const parser::Arg& arg, char escape) {
  check_names(arg);
  for (const parser::Arg::Entry& entry : arg.entries) {
    names_.add(entry.name);
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
      std::vector<std::string> missing;
      value = parser::expand_word(*entry.value, escape, lookup(), &missing);  // ARG-08: sees earlier ones
      for (const std::string& name : missing) {
        if (unset != nullptr && !declared(name)) unset->push_back(name);
      }
    } else {
      value = globals.get(entry.name);
    }
    if (value) speaks_to_builder(entry.name) ? hidden_.set(entry.name, *value) : set_env(entry.name, *value);
    declared_.add(entry.name);
    words.push_back(value ? entry.name + "=" + *value : entry.name);
  }
  return words;
}

std::vector<std::string> StageScope::history_prefix() const {
  std::vector<std::string> words;
  const auto& names = declared_.names();
  if (names.empty()) return words;
  words.push_back(cat("|", names.size()));
  for (const std::string& name : names) {
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
    const std::string lower = parser::to_lower(upper);
    const std::string* value = nullptr;
    for (const auto& [name, text] : build_args) {
      if (parser::to_lower(name) == lower) value = &text;
    }
    if (value == nullptr) continue;
    list.emplace_back(upper, *value);
    list.emplace_back(lower, *value);
  }
  return list;
}

}  // namespace cooper::builder
