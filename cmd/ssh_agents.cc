#include "cmd/ssh_agents.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>

#include "base/byte_stream.h"
#include "base/child_process.h"
#include "base/error.h"
#include "base/temp_dir.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kKeyLimitBytes = 100 * 1024;
constexpr std::chrono::milliseconds kStartLimit(5000);

std::string read_key(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("--ssh: failed to open", path);
  FdSource source(std::move(fd), path);
  return read_all(source, kKeyLimitBytes, path);
}

// Of the beginning of a base64 text, until something else comes.
std::string decode_base64(std::string_view text, std::size_t limit_bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos || bytes.size() >= limit_bytes) break;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

std::vector<std::string> split_paths(std::string_view text) {
  std::vector<std::string> paths;
  for (;;) {
    const std::size_t comma = text.find(',');
    paths.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return paths;
    text.remove_prefix(comma + 1);
  }
}

std::string need_program(const std::string& name) {
  const auto path = find_program(name);
  if (!path) {
    throw Error(Errc::not_found, cat("--ssh with key files needs ", name,
                                     ", which is not installed (package openssh-client); or forward a running agent: "
                                     "--ssh default"));
  }
  return *path;
}

}  // namespace

// PROTOCOL.key of OpenSSH: the magic, then the cipher's name with its length before it.
bool key_is_encrypted(std::string_view text, const std::string& name) {
  constexpr std::string_view kEnd = "PRIVATE KEY-----";
  const std::size_t header = text.find(kEnd);
  if (text.find("-----BEGIN ") == std::string_view::npos || header == std::string_view::npos) {
    throw Error(Errc::invalid, cat("--ssh: failed to parse ", name, ": no private key found"));
  }
  if (text.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos) return true;
  if (text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos) return true;
  constexpr std::string_view kMagic("openssh-key-v1\0", 15);
  constexpr std::string_view kNone("\0\0\0\4none", 8);
  const std::string begin = decode_base64(text.substr(header + kEnd.size()), kMagic.size() + kNone.size());
  return begin.starts_with(kMagic) && begin.substr(kMagic.size()) != kNone;
}

// ssh-agent in the foreground, beneath a shell that ends it when our end of a pipe is gone: by our destructor, or by our
// death.
class SshAgents::KeyAgent {
 public:
  explicit KeyAgent(const std::vector<std::string>& keys)
      : directory_(TempDir::in_host_tmp("cooper-ssh-")),
        socket_(directory_.host_path() + "/agent"),
        life_(make_pipe()),
        shell_(start()) {
    life_.read_end.reset();
    wait_until_ready();
    for (const std::string& key : keys) add(key);
  }
  const std::string& socket() const noexcept { return socket_; }

 private:
  ChildProcess start() const {
    SpawnOptions options;
    options.argv = {need_program("sh"), "-c", R"("$1" -D -a "$2" >/dev/null & read -r line; kill $!)", "sh",
                    need_program("ssh-agent"), socket_};
    options.stdin_fd = life_.read_end.get();
    options.lead_process_group = true;
    return spawn(options);
  }

  void wait_until_ready() {
    constexpr std::chrono::milliseconds kStep(5);
    struct stat status {};
    for (std::chrono::milliseconds waited(0); ::stat(socket_.c_str(), &status) != 0; waited += kStep) {
      if (shell_.wait_for(kStep) || waited > kStartLimit) throw Error(Errc::io, "--ssh: ssh-agent does not start");
    }
  }

  void add(const std::string& key) const {
    SpawnOptions options;
    options.argv = {need_program("ssh-add"), "-q", "-"};
    // Nobody is asked for a passphrase: keys that have one were refused, and this makes sure.
    options.environment = std::vector<std::string>{"SSH_AUTH_SOCK=" + socket_, "SSH_ASKPASS_REQUIRE=force",
                                                   "SSH_ASKPASS=/bin/false", "PATH=/usr/bin:/bin"};
    const ProgramOutput added = run_program(options, read_key(key));
    if (added.status.success()) return;
    throw Error(Errc::invalid, cat("--ssh: failed to add ", key, " to an agent: ", added.standard_error));
  }

  TempDir directory_;
  std::string socket_;
  Pipe life_;
  ChildProcess shell_;
};

SshAgents::SshAgents(const std::vector<std::string>& flags) {
  agents_.with([&](auto& agents) {
    for (const std::string& flag : flags) add(flag, agents);
  });
}

SshAgents::~SshAgents() = default;

void SshAgents::add(const std::string& flag, std::map<std::string, Agent>& agents) {
  const std::size_t equals = flag.find('=');
  const std::string id = equals == 0 || flag.empty() ? "default" : flag.substr(0, equals);
  const std::string text = equals == std::string::npos ? "" : flag.substr(equals + 1);
  Agent agent;
  for (std::string path : split_paths(text)) {
    if (path.starts_with("raw=")) {
      throw Error(Errc::unsupported, "--ssh: raw is not supported, a forwarded agent lists and signs only");
    }
    if (path.empty()) {
      const char* ours = std::getenv("SSH_AUTH_SOCK");
      if (ours == nullptr || *ours == '\0') {
        throw Error(Errc::invalid, "--ssh: invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
      }
      path = ours;
    }
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) throw_errno("--ssh: failed to stat", path);
    if (S_ISSOCK(status.st_mode)) {
      if (!agent.socket.empty()) throw Error(Errc::invalid, "--ssh: only single socket allowed");
      agent.socket = path;
    } else {
      if (key_is_encrypted(read_key(path), path)) {
        throw Error(Errc::invalid, cat("--ssh: failed to parse ", path,
                                       ": the private key is passphrase protected; add it to an agent and forward "
                                       "that: --ssh default"));
      }
      agent.keys.push_back(path);
    }
    if (!agent.socket.empty() && !agent.keys.empty()) {
      throw Error(Errc::invalid, "--ssh: invalid combination of keys and sockets");
    }
  }
  if (!agents.emplace(id, std::move(agent)).second) {
    throw Error(Errc::invalid, cat("--ssh: duplicate agent ID \"", id, "\""));
  }
}

std::optional<std::string> SshAgents::find(const std::string& id) {
  return agents_.with([&](auto& agents) -> std::optional<std::string> {
    const auto found = agents.find(id);
    if (found == agents.end()) return std::nullopt;
    Agent& agent = found->second;
    if (!agent.socket.empty()) return agent.socket;
    if (!agent.running) agent.running = std::make_unique<KeyAgent>(agent.keys);
    return agent.running->socket();
  });
}

}  // namespace cooper::cmd
