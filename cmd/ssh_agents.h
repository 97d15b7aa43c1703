// --ssh: agents that RUN --mount=type=ssh may reach (SEC-02): a socket as it is, or key files in an agent started for the
// build, which goes with us however we end. Needs ssh-agent and ssh-add for key files only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"

namespace cooper::cmd {

// True when a private key's text says that a passphrase protects it. Error(invalid) when it is no private key.
bool key_is_encrypted(std::string_view text, const std::string& name);

class SshAgents {
 public:
  // "default", "id", "id=SOCKET", "id=KEY,KEY". Errors: an id given twice, no SSH_AUTH_SOCK for an id without a path,
  // two sockets, sockets mixed with keys, keys with a passphrase, what is missing. Starts nothing.
  explicit SshAgents(const std::vector<std::string>& flags);
  ~SshAgents();

  // The socket behind an id; nullopt: not forwarded. Starts the agent for key files when first asked. Thread-safe.
  std::optional<std::string> find(const std::string& id);

 private:
  class KeyAgent;
  struct Agent {
    std::string socket;             // or
    std::vector<std::string> keys;  // files
    std::unique_ptr<KeyAgent> running;
  };
  void add(const std::string& flag, std::map<std::string, Agent>& agents);

  Guarded<std::map<std::string, Agent>> agents_;
};

}  // namespace cooper::cmd
