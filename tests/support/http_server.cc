#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "base/error.h"

namespace cooper::tests {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd bind_loopback(int& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw_errno("binding", "127.0.0.1");
  }
  port = ntohs(address.sin_port);
  return fd;
}

std::string decode(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void split_target(ServerRequest& request) {
  const std::size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark == std::string::npos) return;
  std::istringstream pairs(request.target.substr(mark + 1));
  for (std::string pair; std::getline(pairs, pair, '&');) {
    const std::size_t equals = pair.find('=');
    request.query[decode(pair.substr(0, equals))] =
        equals == std::string::npos ? "" : decode(pair.substr(equals + 1));
  }
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}
  // False at the end of the connection.
  bool line(std::string& into) {
    for (;;) {
      const std::size_t end = buffer_.find("\r\n");
      if (end != std::string::npos) {
        into = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return true;
      }
      if (!fill()) return false;
    }
  }
  bool bytes(std::size_t count, std::string& into) {
    while (buffer_.size() < count) {
      if (!fill()) return false;
    }
    into = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return true;
  }

 private:
  bool fill() {
    char chunk[65536];
    const ssize_t count = ::recv(fd_, chunk, sizeof chunk, 0);
    if (count <= 0) return false;
    if (fresh_ && std::isupper(static_cast<unsigned char>(chunk[0])) == 0) {
      // No HTTP but a TLS greeting: answered as Go's servers do.
      static_cast<void>(send_all(fd_, "HTTP/1.0 400 Bad Request\r\n\r\n"));
      return false;
    }
    fresh_ = false;
    buffer_.append(chunk, static_cast<std::size_t>(count));
    return true;
  }
  int fd_;
  bool fresh_ = true;
  std::string buffer_;
};

bool read_request(Reader& reader, ServerRequest& request) {
  std::string line;
  if (!reader.line(line)) return false;
  std::istringstream words(line);
  words >> request.method >> request.target;
  split_target(request);
  while (reader.line(line)) {
    if (line.empty()) {
      const std::string length = request.header("content-length");
      return length.empty() || reader.bytes(std::stoul(length), request.body);
    }
    const std::size_t colon = line.find(':');
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    request.headers[lower(line.substr(0, colon))] =
        value == std::string::npos ? "" : line.substr(value);
  }
  return false;
}

std::string head_of(const ServerResponse& response) {
  std::string head = cat("HTTP/1.1 ", response.status, " Status\r\n");
  for (const auto& [name, value] : response.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  const bool bodiless = response.status == 204 || response.status == 304;
  if (response.content_length && !bodiless)
    head += cat("Content-Length: ", response.body.size(), "\r\n");
  if (!response.content_length) head += "Connection: close\r\n";
  return head + "\r\n";
}

}  // namespace

std::string ServerRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

HttpServer::HttpServer(Handler handler)
    : handler_(std::move(handler)),
      listener_(bind_loopback(port_)),
      stopped_(::eventfd(0, EFD_CLOEXEC)) {
  if (::listen(listener_.get(), 64) != 0) throw_errno("listening on", authority());
  acceptor_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  ::eventfd_write(stopped_.get(), 1);
  acceptor_.join();
  std::vector<std::thread> threads;
  state_.with([&](State& state) {
    for (const int fd : state.open) ::shutdown(fd, SHUT_RDWR);
    threads.swap(state.threads);
  });
  for (std::thread& thread : threads) thread.join();
}

std::string HttpServer::authority() const {
  return cat("127.0.0.1:", port_);
}

std::vector<ServerRequest> HttpServer::requests() const {
  return state_.with([](const State& state) { return state.requests; });
}

std::vector<std::string> HttpServer::log() const {
  std::vector<std::string> lines;
  for (const ServerRequest& request : requests())
    lines.push_back(request.method + " " + request.target);
  return lines;
}

void HttpServer::accept_all() {
  for (;;) {
    pollfd waits[2] = {{listener_.get(), POLLIN, 0}, {stopped_.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    state_.with([&](State& state) {
      state.open.insert(fd);
      state.threads.emplace_back([this, fd] { serve(fd); });
    });
  }
}

void HttpServer::serve(int fd) {
  const int on = 1;  // the body must not wait for the client to acknowledge the head
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Reader reader(fd);
  for (;;) {
    ServerRequest request;
    if (!read_request(reader, request)) break;
    state_.with([&](State& state) { state.requests.push_back(request); });
    if (!answer(fd, request)) break;
  }
  state_.with([&](State& state) { state.open.erase(fd); });
  ::close(fd);
}

// False: the connection is over.
bool HttpServer::answer(int fd, const ServerRequest& request) {
  const ServerResponse response = handler_(request);
  if (!send_all(fd, head_of(response))) return false;
  if (request.method == "HEAD") return response.content_length;
  const std::string_view body(response.body);
  if (!send_all(fd, body.substr(0, response.drop_after.value_or(body.size())))) return false;
  if (response.stall) {
    pollfd wait{stopped_.get(), POLLIN, 0};
    ::poll(&wait, 1, -1);
  }
  return !response.stall && !response.drop_after && response.content_length;
}

int unused_port() {
  int port = 0;
  const UniqueFd fd = bind_loopback(port);
  return port;
}

}  // namespace cooper::tests
