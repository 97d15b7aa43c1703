#include "sandbox_fixture.h"

#include <unistd.h>

#include <cstdlib>

#include "base/error.h"

namespace cooper::builder {
namespace fs = std::filesystem;
namespace {

fs::path find_busybox() {
  for (const char* path : {"/usr/bin/busybox", "/bin/busybox"}) {
    if (fs::exists(path)) return path;
  }
  throw Error(Errc::not_found, "the sandbox tests need a static busybox (busybox-static)");
}

constexpr const char* kApplets[] = {
    "sh",     "true",  "false",    "cat", "echo",  "ls", "id",       "stat",    "mount",
    "umount", "chown", "chmod",    "rm",  "mkdir", "mv", "touch",    "unshare", "kill",
    "sleep",  "head",  "grep",     "dd",  "df",    "wc", "mknod",    "su",      "ps",
    "test",   "env",   "hostname", "ip",  "rmdir", "ln", "readlink", "cp",      "chroot",
    "od",     "seq",   "pwd",      "tr",  "find",  "nc", "cut"};

}  // namespace

SandboxTest::SandboxTest()
    : identity_(enter_build_namespace()),
      store_(TempDir::in_host_tmp("cooper-sandbox-")),
      base_(fs::path(store_.host_path()) / "trees" / "base") {
  ::umask(0022);
  fs::create_directories(base_ / "bin");
  fs::create_directories(base_ / "etc");
  fs::create_directories(base_ / "tmp");
  fs::create_directories(store() / "ingest");
  fs::copy_file(find_busybox(), base_ / "bin/busybox");
  for (const char* applet : kApplets) fs::create_symlink("busybox", base_ / "bin" / applet);
  add_file("etc/passwd", "root::0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
  add_file("etc/group", "root:x:0:\nuser:x:1000:\n");
  storage_ = std::make_unique<StepStorage>(identity_, store().string());
  runner_ = make_namespace_runner(identity_, (store() / "ingest").string());
}

SandboxTest::~SandboxTest() = default;

void SandboxTest::add_file(const std::string& path, const std::string& text, mode_t mode) {
  fs::create_directories((base_ / path).parent_path());
  std::ofstream(base_ / path) << text;
  ::chmod((base_ / path).c_str(), mode);
}

StepRoot SandboxTest::make_root() {
  const fs::path dir = store() / "ingest" / std::to_string(roots_++);
  fs::create_directories(dir / "upper");
  fs::create_directories(dir / "work");
  return {(dir / "upper").string(),
          storage_->mount({base_.string()}, (dir / "upper").string(), (dir / "work").string()).fd};
}

RunRequest SandboxTest::shell(const std::string& script) {
  RunRequest request;
  request.argv = {"/bin/sh", "-c", script};
  request.environment = {"PATH=/bin", "HOME=/"};
  return request;
}

Ran SandboxTest::run(const RunRequest& request, const UniqueFd& root, std::stop_token stop) {
  Ran ran;
  ran.outcome = runner_->run(
      request, root,
      [&](std::string_view bytes, bool is_stderr) { (is_stderr ? ran.err : ran.out) += bytes; },
      std::move(stop));
  ran.code = ran.outcome.status.shell_code();
  return ran;
}

Ran SandboxTest::sh(const std::string& script) {
  return sh(script, RunRequest());
}

Ran SandboxTest::sh(const std::string& script, const RunRequest& request) {
  RunRequest complete = request;
  const RunRequest words = shell(script);
  complete.argv = words.argv;
  if (complete.environment.empty()) complete.environment = words.environment;
  return run(complete, make_root().mount);
}

}  // namespace cooper::builder
