// Git repositories made on the spot, served over http by git's own http-backend, or as plain files as a dumb server does.
#pragma once

#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/temp_dir.h"
#include "tests/support/http_server.h"

namespace cooper::builder {

class GitServer {
 public:
  GitServer();

  // Runs git in the work tree of `repository`, which is made when it is new; standard output without its line end.
  std::string git(const std::string& repository, const std::vector<std::string>& arguments);
  void put(const std::string& repository, const std::string& path, const std::string& content);
  // Everything that was put, as one commit; its name.
  std::string commit(const std::string& repository, const std::string& message = "c");
  std::string url(const std::string& repository) const { return server_.url("/" + repository + "/.git"); }
  // No upload-pack: files only, which can't be cloned shallow.
  void set_dumb(bool dumb) { dumb_ = dumb; }
  // The value of the Authorization header that is asked for; "" for none.
  void set_login(const std::string& value) { login_.with([&](auto& login) { login = value; }); }
  std::size_t requests() const { return server_.log().size(); }

 private:
  tests::ServerResponse answer(const tests::ServerRequest& request);
  tests::ServerResponse backend(const tests::ServerRequest& request);
  tests::ServerResponse plain_file(const tests::ServerRequest& request);
  std::string path(const std::string& name) const { return home_.host_path() + "/" + name; }

  TempDir home_ = TempDir::in_host_tmp("cooper-git-test-");
  std::atomic<bool> dumb_ = false;
  Guarded<std::string> login_;
  std::string backend_;
  tests::HttpServer server_;
};

}  // namespace cooper::builder
