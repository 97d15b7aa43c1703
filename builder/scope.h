// What a stage knows of variables: the image's Env, build arguments, and the environment that RUN and expansion see.
// Rows ARG-*, ENV-*, EXP-01, EXP-20.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/step_environment.h"
#include "parser/expand.h"
#include "parser/instruction.h"

namespace cooper::builder {

inline constexpr const char* kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Names in the order in which they came, each once.
class NameList {
 public:
  std::optional<std::size_t> position(std::string_view name) const;
  std::size_t add(const std::string& name);  // its position, old or new
  const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  std::size_t slot_of(std::string_view name) const;  // its own, or the free one where it belongs
  void index_all();

  std::vector<std::string> names_;
  // Once there are so many that looking through them takes longer: a hash table with open addressing of positions
  // plus one, 0 where it is free. Its size is a power of two, and at most half of it is taken.
  std::vector<std::uint32_t> slots_;
};

// An ordered list of variables; setting an existing one replaces it in place (ENV-04).
class EnvironmentList {
 public:
  EnvironmentList() = default;
  explicit EnvironmentList(const std::vector<std::string>& key_value_words);
  void set(const std::string& name, const std::string& value);
  void remove(std::string_view name);
  std::optional<std::string> get(std::string_view name) const;
  std::vector<std::string> words() const;  // "K=V"
  const std::vector<std::string>& names() const noexcept { return names_.names(); }
  std::size_t size() const noexcept { return values_.size(); }

 private:
  NameList names_;
  std::vector<std::string> values_;
};

// ATTEST-12: arguments that tell the builder what to scan. They are in no environment, so never "defined" (CHECK-11).
bool speaks_to_builder(std::string_view name);

// The ARGs ahead of the first FROM with the platform arguments before them (ARG-02, PLAT-02), build-args applied.
class GlobalScope {
 public:
  GlobalScope(std::map<std::string, std::string> build_args, const std::vector<std::pair<std::string, std::string>>& automatic);

  void declare(const parser::Arg& arg, char escape);
  // The build argument, else a non-empty global value; nullopt: neither (REPRO-01).
  std::optional<std::string> build_arg_or_default(const std::string& name) const;
  // Puts what a name came to mean in place of what was given; nothing: as if it had never been given (ARG-16).
  void settle(const std::string& name, const std::optional<std::string>& value);
  std::optional<std::string> get(std::string_view name) const { return values_.get(name); }
  // Before any declare(): the same scope as if no build argument were given for ARGs (CHECK-17).
  GlobalScope without_build_args() const;
  // Automatic and declared names, with or without a value.
  const std::vector<std::string>& names() const noexcept { return names_.names(); }
  bool knows(std::string_view name) const { return names_.position(name).has_value(); }
  parser::Lookup lookup() const;
  const std::map<std::string, std::string>& build_args() const noexcept { return build_args_; }

 private:
  std::map<std::string, std::string> build_args_;
  EnvironmentList values_;
  NameList names_;
};

// One stage's variables. Copied when a stage continues another (FROM-13).
class StageScope {
 public:
  void set_env(const std::string& name, const std::string& value) {
    visible_.set(name, value);
    environment_.set(name, value);
  }
  // ARG-03 … ARG-10. Returns the words for history: "k=v", or "k" when it has no value. unset: names that defaults
  // refer to and that nothing declared before (CHECK-11).
  std::vector<std::string> declare(const parser::Arg& arg, const GlobalScope& globals, char escape,
                                   std::vector<std::string>* unset);

  parser::Lookup lookup() const;
  const StepEnvironment& environment() const noexcept { return environment_; }  // of a RUN
  // ARG-15: "|2 a=1 b=2 ", or nothing.
  std::vector<std::string> history_prefix() const;
  bool declared(std::string_view name) const { return declared_.position(name).has_value(); }
  const std::vector<std::string>& names() const noexcept { return visible_.names(); }
  std::size_t size() const noexcept { return visible_.size(); }

 private:
  EnvironmentList visible_;      // image Env, ENV and valued ARG, in order
  StepEnvironment environment_;  // the same, for steps to share
  EnvironmentList hidden_;       // valued ARGs that speak to the builder only (BUILDKIT_SBOM_SCAN_*)
  NameList declared_;            // by ARG
};

// ARG-12: proxy variables that were given as build-args in any case, in both usual spellings. Of several spellings the
// last in byte order counts, so "http_proxy" before "HTTP_PROXY".
std::vector<std::pair<std::string, std::string>> proxy_variables(const std::map<std::string, std::string>& build_args);

}  // namespace cooper::builder
