// A socket for one step behind which an ssh agent lists its keys and signs, and does nothing else (SEC-03).
//
// Everything a step sends is read whole and judged by its type before any of it goes on; what is not asked for is
// answered with a failure and never reaches the agent. Of the agent's answers only those that fit the question pass.
// Messages are bounded. Format: draft-miller-ssh-agent, section 3.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/dir.h"
#include "base/unique_fd.h"

namespace cooper::builder {

// A message without its length field begins with its type.
constexpr std::size_t kAgentMessageLimitBytes = 256 * 1024;  // as OpenSSH's agent
// May a step send this to the agent?
bool agent_request_allowed(std::string_view message) noexcept;
// May the agent's answer to an allowed request go to the step?
bool agent_answer_allowed(std::string_view request, std::string_view answer) noexcept;

class SshProxy {
 public:
  // Makes the socket `name` in `directory` and serves it from threads of its own until destroyed; connect() gives a
  // fresh connection to the agent, or throws. Borrows nothing.
  SshProxy(const Dir& directory, const std::string& name, std::function<UniqueFd()> connect);
  SshProxy(const SshProxy&) = delete;
  SshProxy& operator=(const SshProxy&) = delete;
  ~SshProxy();

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

// A connection to the agent listening at a path of the host.
UniqueFd connect_to_agent(const std::string& socket_path);

}  // namespace cooper::builder
