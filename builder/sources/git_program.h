// The machine's git program, kept from everything but its task: no prompt, no hook, no configuration of the machine,
// the user or a template; only http, https, ssh and git are spoken, whatever a repository's submodules ask for
// (a submodule must not read the host's files); logins reach it by its environment, not by its command line.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/temp_dir.h"

namespace cooper::builder {

struct GitSettings {
  // "K=V" of our environment that git may see: PATH, proxies, TLS authorities.
  std::vector<std::string> environment;
  // The user's own list of ssh hosts, read and never written; "" for none. A host that is not in it is trusted.
  std::string known_hosts;
};

// What one remote repository needs of us.
struct GitAccess {
  std::string remote;
  std::string authorization;  // value of the Authorization header, "" for none
  std::string ssh_socket;     // of an agent, "" for none
};

class GitProgram {
 public:
  // scratch: a private directory, the working directory of everything that says no other.
  GitProgram(const GitSettings& settings, GitAccess access, const TempDir& scratch, std::stop_token stop);

  // Standard output. Error(network) with what git said, logins hidden, when it fails.
  std::string run(const std::vector<std::string>& arguments, const std::string& directory = "") const;
  // The same; nullopt when it fails.
  std::optional<std::string> try_run(const std::vector<std::string>& arguments,
                                     const std::string& directory = "") const;
  // With --depth=1 added after the command, and without where the other side can't do that (a dumb server).
  std::string run_shallow(const std::vector<std::string>& before, const std::vector<std::string>& after,
                          const std::string& directory = "") const;

 private:
  struct Outcome {
    bool ok = false;
    std::string output;
    std::string complaint;
  };
  Outcome attempt(const std::vector<std::string>& arguments, const std::string& directory) const;
  std::string hidden(std::string text) const;

  GitAccess access_;
  std::string scratch_;
  std::vector<std::string> environment_;
  std::stop_token stop_;
};

}  // namespace cooper::builder
