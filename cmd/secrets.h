// --secret: what RUN --mount=type=secret may be given (SEC-01). Values are read when a step asks for them and are kept
// nowhere.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cooper::cmd {

class Secrets {
 public:
  static constexpr std::size_t kLimitBytes = 500 * 1024;

  Secrets() = default;
  // "id=X[,src=FILE|,env=VAR][,type=file|env]". Error(invalid): no id, an unknown key, a file that is too big;
  // Error(not_found): no such file.
  explicit Secrets(const std::vector<std::string>& flags);

  // nullopt: nobody gave it.
  std::optional<std::string> find(const std::string& id) const;

 private:
  struct Source {
    bool variable = false;  // of our environment; else a file
    std::string name;
  };
  void add(const std::string& flag);

  std::map<std::string, Source> sources_;
};

}  // namespace cooper::cmd
