// A small HTTP/1.1 server on 127.0.0.1 for tests: one thread per connection, keep-alive, answers
// made by a function, faults on request. Stops and joins in its destructor.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/unique_fd.h"

namespace cooper::tests {

struct ServerRequest {
  std::string method;
  std::string target;                          // "/v2/?a=b"
  std::string path;                            // "/v2/"
  std::map<std::string, std::string> query;    // decoded; of repeated keys the last
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const;  // "" when absent
};

struct ServerResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool content_length = true;             // false: the end of the connection ends the body
  std::optional<std::size_t> drop_after;  // closes after so many bytes of the body
  bool stall = false;                     // says nothing more until the server stops
};

class HttpServer {
 public:
  // Called from several threads at once.
  using Handler = std::function<ServerResponse(const ServerRequest&)>;
  explicit HttpServer(Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  std::string authority() const;  // "127.0.0.1:40123"
  std::string url(const std::string& path) const { return "http://" + authority() + path; }
  // Every request that was read whole, in order of arrival.
  std::vector<ServerRequest> requests() const;
  // "GET /v2/", for short assertions.
  std::vector<std::string> log() const;
  std::size_t connections() const noexcept { return connections_; }

 private:
  struct State {
    std::vector<ServerRequest> requests;
    std::set<int> open;  // sockets, to be shut down at the end
    std::vector<std::thread> threads;
  };
  void accept_all();
  void serve(int fd);
  bool answer(int fd, const ServerRequest& request);

  Handler handler_;
  int port_ = 0;  // before listener_, which sets it
  UniqueFd listener_;
  UniqueFd stopped_;  // an eventfd: readable once the server stops
  std::atomic<std::size_t> connections_{0};
  Guarded<State> state_;
  std::thread acceptor_;
};

// A port of 127.0.0.1 on which nobody listens.
int unused_port();

}  // namespace cooper::tests
