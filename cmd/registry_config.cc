#include "cmd/registry_config.h"

#include <fcntl.h>

#include <filesystem>
#include <toml++/toml.h>

#include "base/byte_stream.h"
#include "base/error.h"
#include "cmd/session.h"
#include "oci/credential_helper.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kConfigLimitBytes = 4 << 20;

std::optional<std::string> read_config(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw_errno("opening", path.string());
  FdSource source(std::move(fd), path.string());
  return read_all(source, kConfigLimitBytes, path.string());
}

// None where there is no home, as in many containers.
void add_in_home(std::vector<std::filesystem::path>& files, const char* rest) {
  if (const auto home = environment("HOME")) files.push_back(std::filesystem::path(*home) / rest);
}

std::vector<std::filesystem::path> credential_files() {
  std::vector<std::filesystem::path> files;
  const auto docker = environment("DOCKER_CONFIG");
  if (docker) {
    files.push_back(std::filesystem::path(*docker) / "config.json");
  } else {
    add_in_home(files, ".docker/config.json");
  }
  if (const auto named = environment("REGISTRY_AUTH_FILE")) {
    files.emplace_back(*named);
    return files;
  }
  if (const auto runtime = environment("XDG_RUNTIME_DIR")) {
    files.push_back(std::filesystem::path(*runtime) / "containers/auth.json");
  }
  add_in_home(files, ".config/containers/auth.json");
  return files;
}

// The first that exists.
std::vector<std::filesystem::path> settings_files() {
  if (const auto named = environment("COOPER_REGISTRIES_CONF")) return {*named};
  std::vector<std::filesystem::path> files;
  add_in_home(files, ".config/containers/registries.conf");
  files.emplace_back("/etc/containers/registries.conf");
  return files;
}

template <class Value>
Value member(const toml::table& table, const char* key, Value fallback, const std::string& name) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<Value>();
  if (!value) {
    throw Error(Errc::invalid, cat(name, ":", node->source().begin.line, ": ", key, " has the wrong type"));
  }
  return *value;
}

// [[key]]: none when the key is absent.
std::vector<const toml::table*> tables(const toml::table& parent, const char* key, const std::string& name) {
  std::vector<const toml::table*> list;
  const toml::node* node = parent.get(key);
  if (node == nullptr) return list;
  const toml::array* array = node->as_array();
  const auto refuse = [&](const toml::node& culprit) {
    throw Error(Errc::invalid, cat(name, ":", culprit.source().begin.line, ": ", key, " must be an array of tables"));
  };
  if (array == nullptr) refuse(*node);
  for (const toml::node& element : *array) {
    if (!element.is_table()) refuse(element);
    list.push_back(element.as_table());
  }
  return list;
}

RegistryRule read_rule(const toml::table& table, const std::string& name) {
  RegistryRule rule;
  rule.location = member<std::string>(table, "location", "", name);
  rule.prefix = member<std::string>(table, "prefix", rule.location, name);
  if (rule.prefix.empty()) {
    throw Error(Errc::invalid,
                cat(name, ":", table.source().begin.line, ": a [[registry]] needs a prefix or a location"));
  }
  rule.insecure = member<bool>(table, "insecure", false, name);
  rule.blocked = member<bool>(table, "blocked", false, name);
  for (const toml::table* mirror : tables(table, "mirror", name)) {
    rule.mirrors.push_back(member<std::string>(*mirror, "location", "", name));
    if (rule.mirrors.back().empty()) {
      throw Error(Errc::invalid, cat(name, ":", mirror->source().begin.line, ": a mirror needs a location"));
    }
  }
  return rule;
}

bool matches(const std::string& prefix, const std::string& full_name) {
  if (prefix.starts_with("*.")) {
    const std::string host = full_name.substr(0, full_name.find('/'));
    const bool any_port = prefix.find(':') == std::string::npos;
    return (any_port ? host.substr(0, host.find(':')) : host).ends_with(prefix.substr(1));
  }
  if (!full_name.starts_with(prefix)) return false;
  if (full_name.size() == prefix.size()) return true;
  const char next = full_name[prefix.size()];
  return next == '/' || next == ':' || next == '@';
}

}  // namespace

std::vector<RegistryRule> parse_registries_conf(std::string_view text, const std::string& name) {
  std::vector<RegistryRule> rules;
  try {
    const toml::table root = toml::parse(text, name);
    for (const toml::table* table : tables(root, "registry", name)) rules.push_back(read_rule(*table, name));
  } catch (const toml::parse_error& error) {
    throw Error(Errc::invalid, cat(name, ":", error.source().begin.line, ": ", error.description()));
  }
  return rules;
}

const RegistryRule* match_rule(const std::vector<RegistryRule>& rules, const oci::Reference& reference) {
  const RegistryRule* best = nullptr;
  for (const RegistryRule& rule : rules) {
    if (!matches(rule.prefix, reference.name())) continue;
    if (best == nullptr || rule.prefix.size() > best->prefix.size()) best = &rule;
  }
  return best;
}

std::optional<oci::Credentials> RegistryConfig::credentials(const std::string& host) {
  credentials_read_.run([this] {
    for (const std::filesystem::path& path : credential_files()) {
      if (const auto text = read_config(path)) {
        tables_.push_back(oci::parse_docker_config(*text, path.string()));
      }
    }
  });
  for (const oci::CredentialTable& table : tables_) {
    if (const auto helper = oci::helper_for(table, host)) {
      if (auto found = oci::credentials_from_helper(*helper, host)) return found;
    }
    if (auto found = oci::credentials_for(table, host)) return found;
  }
  return std::nullopt;
}

oci::RegistrySettings RegistryConfig::settings(const oci::Reference& reference) {
  settings_read_.run([this] {
    for (const std::filesystem::path& path : settings_files()) {
      const auto text = read_config(path);
      if (!text) continue;
      rules_ = parse_registries_conf(*text, path.string());
      break;
    }
  });
  oci::RegistrySettings settings;
  if (const RegistryRule* rule = match_rule(rules_, reference)) {
    if (!rule->location.empty() && rule->location != rule->prefix) {
      throw Error(Errc::unsupported, cat("registries.conf sends ", rule->prefix, " to ", rule->location,
                                         ": a location other than the prefix is not supported yet"));
    }
    settings.insecure = rule->insecure;
    settings.blocked = rule->blocked;
    settings.mirrors = rule->mirrors;
  }
  return settings;
}

}  // namespace cooper::cmd
