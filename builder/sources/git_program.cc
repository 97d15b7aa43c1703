#include "builder/sources/git_program.h"

#include <algorithm>
#include <array>

#include "base/child_process.h"
#include "base/error.h"
#include "builder/sources/remote_source.h"

namespace cooper::builder {
namespace {

// One word of a shell command line.
std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string ssh_command(const GitSettings& settings, const std::string& scratch) {
  std::string known = "/etc/ssh/ssh_known_hosts";
  if (!settings.known_hosts.empty()) known += " \"" + settings.known_hosts + "\"";
  return cat("ssh -F /dev/null -o BatchMode=yes -o IdentityFile=none -o StrictHostKeyChecking=accept-new -o ",
             shell_word("GlobalKnownHostsFile=" + known), " -o ",
             shell_word("UserKnownHostsFile=\"" + scratch + "/known_hosts\""));
}

// A login for github.com serves all of it, so that submodules from there are found too; any other only its remote.
std::string login_scope(const std::string& remote) {
  for (const char* site : {"https://github.com/", "https://www.github.com/"}) {
    if (remote.starts_with(site)) return site;
  }
  return remote;
}

std::vector<std::pair<std::string, std::string>> configuration(const GitAccess& access) {
  std::vector<std::pair<std::string, std::string>> list = {
      {"core.hooksPath", "/dev/null"},   {"core.fsmonitor", "false"},     {"core.attributesFile", "/dev/null"},
      {"core.autocrlf", "false"},        {"core.symlinks", "true"},       {"credential.helper", ""},
      {"protocol.file.allow", "never"},  {"protocol.ext.allow", "never"}, {"init.defaultBranch", "master"},
      {"init.templateDir", ""},          {"advice.detachedHead", "false"}, {"gc.auto", "0"},
      {"maintenance.auto", "false"},     {"submodule.recurse", "false"},  {"transfer.credentialsInUrl", "allow"},
  };
  if (!access.authorization.empty()) {
    list.emplace_back("http." + login_scope(access.remote) + ".extraHeader",
                      "Authorization: " + access.authorization);
  }
  return list;
}

bool lacks_shallow(const std::string& complaint) {
  return complaint.find("shallow") != std::string::npos || complaint.find("--depth") != std::string::npos;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  if (from.empty() || from == to) return;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

GitProgram::GitProgram(const GitSettings& settings, GitAccess access, const TempDir& scratch, std::stop_token stop)
    : access_(std::move(access)),
      scratch_(scratch.host_path()),
      environment_(settings.environment),
      stop_(std::move(stop)) {
  if (!find_program("git")) {
    throw Error(Errc::unsupported, "git sources need the git program (package git), which is not installed");
  }
  const auto set = [this](const std::string& name, const std::string& value) {
    environment_.push_back(name + "=" + value);
  };
  set("HOME", "/dev/null");
  set("LC_ALL", "C");
  set("GIT_TERMINAL_PROMPT", "0");
  set("GIT_CONFIG_NOSYSTEM", "1");
  set("GIT_CONFIG_GLOBAL", "/dev/null");
  set("GIT_ATTR_NOSYSTEM", "1");
  set("GIT_CEILING_DIRECTORIES", scratch_);  // no repository above it is looked at
  set("GIT_ALLOW_PROTOCOL", "http:https:ssh:git");
  set("GIT_LFS_SKIP_SMUDGE", "1");
  set("GIT_SSH_COMMAND", ssh_command(settings, scratch_));
  if (!access_.ssh_socket.empty()) set("SSH_AUTH_SOCK", access_.ssh_socket);
  const auto pairs = configuration(access_);
  set("GIT_CONFIG_COUNT", std::to_string(pairs.size()));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    set("GIT_CONFIG_KEY_" + std::to_string(i), pairs[i].first);
    set("GIT_CONFIG_VALUE_" + std::to_string(i), pairs[i].second);
  }
}

std::string GitProgram::hidden(std::string text) const {
  replace_all(text, access_.remote, without_credentials(access_.remote));
  replace_all(text, access_.authorization, "xxxxx");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

GitProgram::Outcome GitProgram::attempt(const std::vector<std::string>& arguments,
                                        const std::string& directory) const {
  SpawnOptions options;
  options.argv = {"git"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.environment = environment_;
  options.working_dir = directory.empty() ? scratch_ : directory;
  ProgramOutput output = run_program(options, {}, std::size_t{16} << 20, stop_);
  return {output.status.success(), std::move(output.standard_output), hidden(std::move(output.standard_error))};
}

std::string GitProgram::run(const std::vector<std::string>& arguments, const std::string& directory) const {
  Outcome outcome = attempt(arguments, directory);
  if (outcome.ok) return std::move(outcome.output);
  throw Error(Errc::network, outcome.complaint.empty() ? "git failed and said nothing" : outcome.complaint);
}

std::optional<std::string> GitProgram::try_run(const std::vector<std::string>& arguments,
                                               const std::string& directory) const {
  Outcome outcome = attempt(arguments, directory);
  if (!outcome.ok) return std::nullopt;
  return std::move(outcome.output);
}

std::string GitProgram::run_shallow(const std::vector<std::string>& before, const std::vector<std::string>& after,
                                    const std::string& directory) const {
  std::vector<std::string> arguments = before;
  arguments.emplace_back("--depth=1");
  arguments.insert(arguments.end(), after.begin(), after.end());
  Outcome outcome = attempt(arguments, directory);
  if (outcome.ok) return std::move(outcome.output);
  if (!lacks_shallow(outcome.complaint)) throw Error(Errc::network, outcome.complaint);
  arguments = before;
  arguments.insert(arguments.end(), after.begin(), after.end());
  return run(arguments, directory);
}

}  // namespace cooper::builder
