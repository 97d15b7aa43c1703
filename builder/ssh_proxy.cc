#include "builder/ssh_proxy.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <list>
#include <optional>
#include <thread>

#include "base/error.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kMaxConnections = 64;
constexpr int kBacklog = 16;

enum AgentMessage : unsigned char {
  kFailure = 5,
  kRequestIdentities = 11,
  kIdentitiesAnswer = 12,
  kSignRequest = 13,
  kSignResponse = 14,
};

constexpr std::string_view kRefusal("\x05", 1);  // kFailure

unsigned char type_of(std::string_view message) noexcept {
  return message.empty() ? 0 : static_cast<unsigned char>(message.front());
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error(Errc::invalid, cat("socket path too long: ", path));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

UniqueFd new_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno("making", "a socket");
  return fd;
}

// Whole messages over a socket, given up when `stop_fd` becomes readable.
class Wire {
 public:
  Wire(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}

  // nullopt: the end, a message beyond the limit, or time to stop.
  std::optional<std::string> receive() const {
    std::array<char, 4> length;  // big-endian
    if (!fill(length.data(), length.size())) return std::nullopt;
    std::uint32_t size = 0;
    for (const char byte : length) size = size << 8 | static_cast<unsigned char>(byte);
    if (size == 0 || size > kAgentMessageLimitBytes) return std::nullopt;
    std::string message(size, '\0');
    if (!fill(message.data(), message.size())) return std::nullopt;
    return message;
  }

  bool send(std::string_view message) const {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(message.size() >> shift & 0xff);
    bytes += message;
    for (std::size_t done = 0; done < bytes.size();) {
      if (!ready(POLLOUT)) return false;
      const ssize_t sent = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EINTR && errno != EAGAIN) return false;
      if (sent > 0) done += static_cast<std::size_t>(sent);
    }
    return true;
  }

 private:
  bool ready(short events) const {
    for (;;) {
      std::array<pollfd, 2> polled{{{fd_, events, 0}, {stop_fd_, POLLIN, 0}}};
      if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return false;
      if (polled[1].revents != 0) return false;
      if (polled[0].revents != 0) return true;
    }
  }

  bool fill(char* into, std::size_t size) const {
    for (std::size_t done = 0; done < size;) {
      if (!ready(POLLIN)) return false;
      const ssize_t got = ::recv(fd_, into + done, size - done, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return false;
      if (got > 0) done += static_cast<std::size_t>(got);
    }
    return true;
  }

  int fd_;
  int stop_fd_;
};

}  // namespace

bool agent_request_allowed(std::string_view message) noexcept {
  switch (type_of(message)) {
    case kRequestIdentities: return message.size() == 1;
    case kSignRequest: return true;
    default: return false;
  }
}

bool agent_answer_allowed(std::string_view request, std::string_view answer) noexcept {
  if (type_of(answer) == kFailure) return true;
  const bool lists = type_of(request) == kRequestIdentities;
  return type_of(answer) == (lists ? kIdentitiesAnswer : kSignResponse);
}

UniqueFd connect_to_agent(const std::string& socket_path) {
  const sockaddr_un address = address_of(socket_path);
  UniqueFd fd = new_socket();
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_errno("connecting to the ssh agent at", socket_path);
  }
  return fd;
}

class SshProxy::Server {
 public:
  Server(const Dir& directory, const std::string& name, std::function<UniqueFd()> connect)
      : connect_(std::move(connect)), listener_(new_socket()), stop_(::eventfd(0, EFD_CLOEXEC)) {
    if (!stop_) throw_errno("making", "an event");
    // Through the descriptor: a store's path may be longer than a socket's may.
    const sockaddr_un address = address_of(cat("/proc/self/fd/", directory.fd(), "/", name));
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), kBacklog) != 0) {
      throw_errno("making the ssh socket", name);
    }
    acceptor_ = std::jthread([this] { accept_all(); });
  }

  ~Server() {
    const std::uint64_t one = 1;
    // Cannot fail: the counter is far from full.
    static_cast<void>(::write(stop_.get(), &one, sizeof one) == sizeof one);
  }

 private:
  struct Connection {
    std::atomic<bool> over = false;
    std::jthread thread;
  };

  void accept_all() {
    std::list<Connection> connections;
    for (;;) {
      std::array<pollfd, 2> polled{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
      if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
      if (polled[1].revents != 0) return;  // the list waits for its threads
      if (polled[0].revents == 0) continue;
      connections.remove_if([](const Connection& connection) { return connection.over.load(); });
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client || connections.size() >= kMaxConnections) continue;
      Connection& connection = connections.emplace_back();
      connection.thread = std::jthread([this, &connection, fd = std::move(client)] {
        serve(fd.get());
        connection.over = true;
      });
    }
  }

  void serve(int client_fd) const noexcept {
    try {
      const UniqueFd agent_fd = connect_();
      const Wire client(client_fd, stop_.get());
      const Wire agent(agent_fd.get(), stop_.get());
      while (const auto request = client.receive()) {
        if (!agent_request_allowed(*request)) {
          if (!client.send(kRefusal)) return;
          continue;
        }
        const auto answer = agent.send(*request) ? agent.receive() : std::nullopt;
        const bool fits = answer && agent_answer_allowed(*request, *answer);
        // An agent that breaks the protocol is not asked again.
        if (!client.send(fits ? std::string_view(*answer) : kRefusal) || !fits) return;
      }
    } catch (const std::exception&) {
      // The agent is gone, or memory is: the step sees its connection end.
    }
  }

  std::function<UniqueFd()> connect_;
  UniqueFd listener_;
  UniqueFd stop_;
  std::jthread acceptor_;  // last: it ends first
};

SshProxy::SshProxy(const Dir& directory, const std::string& name, std::function<UniqueFd()> connect)
    : server_(std::make_unique<Server>(directory, name, std::move(connect))) {}

SshProxy::~SshProxy() = default;

}  // namespace cooper::builder
