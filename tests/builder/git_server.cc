#include "tests/builder/git_server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/child_process.h"

namespace cooper::builder {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> quiet_environment() {
  return {std::string("PATH=") + ::getenv("PATH"), "HOME=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
          "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=c",
          "GIT_COMMITTER_EMAIL=c@x", "GIT_AUTHOR_DATE=1500000000 +0000", "GIT_COMMITTER_DATE=1500000001 +0000",
          // Submodules of these tests are added by their http address; commits have no hooks.
          "GIT_TERMINAL_PROMPT=0"};
}

std::string header_of(const std::string& block, const std::string& name) {
  const std::size_t at = block.find(name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 2;
  return block.substr(begin, block.find_first_of("\r\n", begin) - begin);
}

}  // namespace

// The backend by its path, as looking for it would read an environment that a test may be changing.
GitServer::GitServer()
    : backend_(git(".", {"--exec-path"}) + "/git-http-backend"),
      server_([this](const tests::ServerRequest& request) { return answer(request); }) {}

std::string GitServer::git(const std::string& repository, const std::vector<std::string>& arguments) {
  const std::string directory = path(repository);
  SpawnOptions options;
  options.environment = quiet_environment();
  if (!fs::exists(directory)) {
    fs::create_directories(directory);
    options.argv = {"git", "init", "-q", "-b", "main", directory};
    EXPECT_TRUE(run_program(options).status.success());
  }
  options.argv = {"git"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.working_dir = directory;
  ProgramOutput output = run_program(options);
  EXPECT_TRUE(output.status.success()) << output.standard_error;
  std::string text = std::move(output.standard_output);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

void GitServer::put(const std::string& repository, const std::string& name, const std::string& content) {
  git(repository, {"status", "--short"});  // makes it
  const fs::path file = fs::path(path(repository)) / name;
  fs::create_directories(file.parent_path());
  std::ofstream(file) << content;
}

std::string GitServer::commit(const std::string& repository, const std::string& message) {
  git(repository, {"add", "-A"});
  git(repository, {"commit", "-q", "--allow-empty", "-m", message});
  git(repository, {"update-server-info"});
  return git(repository, {"rev-parse", "HEAD"});
}

tests::ServerResponse GitServer::answer(const tests::ServerRequest& request) {
  const std::string login = login_.with([](const auto& value) { return value; });
  if (!login.empty() && request.header("authorization") != login) {
    return {401, {{"WWW-Authenticate", "Basic realm=\"git\""}}, "who are you?"};
  }
  return dumb_ ? plain_file(request) : backend(request);
}

// RFC 3875: what the program prints is headers, an empty line, and the body.
tests::ServerResponse GitServer::backend(const tests::ServerRequest& request) {
  SpawnOptions options;
  options.argv = {backend_};
  options.environment = quiet_environment();
  const std::size_t query = request.target.find('?');
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"GIT_PROJECT_ROOT", home_.host_path()},
           {"GIT_HTTP_EXPORT_ALL", "1"},
           {"PATH_INFO", request.path},
           {"QUERY_STRING", query == std::string::npos ? "" : request.target.substr(query + 1)},
           {"REQUEST_METHOD", request.method},
           {"CONTENT_TYPE", request.header("content-type")},
           {"CONTENT_LENGTH", std::to_string(request.body.size())},
           {"HTTP_CONTENT_ENCODING", request.header("content-encoding")},
           {"GIT_PROTOCOL", request.header("git-protocol")},
           {"GIT_CONFIG_COUNT", "1"},
           {"GIT_CONFIG_KEY_0", "safe.directory"},
           {"GIT_CONFIG_VALUE_0", "*"}}) {
    options.environment->push_back(name + "=" + value);
  }
  const ProgramOutput output = run_program(options, request.body, std::size_t{64} << 20);
  const std::string& all = output.standard_output;
  const std::size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos) return {500, {}, output.standard_error};
  const std::string block = all.substr(0, end);
  const std::string status = header_of(block, "Status");
  tests::ServerResponse response;
  response.status = status.empty() ? 200 : std::stoi(status);
  response.headers.emplace_back("Content-Type", header_of(block, "Content-Type"));
  response.body = all.substr(end + 4);
  return response;
}

tests::ServerResponse GitServer::plain_file(const tests::ServerRequest& request) {
  std::ifstream in(path(request.path), std::ios::binary);
  if (!in || fs::is_directory(path(request.path))) return {404, {}, "no such file"};
  return {200, {}, {std::istreambuf_iterator<char>(in), {}}};
}

}  // namespace cooper::builder
