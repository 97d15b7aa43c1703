#include "base/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/temp_dir.h"

namespace cooper {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TreePath at(std::string_view text) {
  return TreePath::clean(text);
}

SpawnOptions shell(const std::string& script) {
  return {.argv = {"sh", "-c", script}};
}

int errnum_of(const SpawnOptions& options) {
  try {
    static_cast<void>(spawn(options));
  } catch (const SysError& error) {
    return error.errnum();
  }
  return 0;
}

TEST(Spawn, exit_codes_and_signals_are_values) {
  const ExitStatus good = spawn(shell("exit 0")).wait();
  EXPECT_TRUE(good.success());
  const ExitStatus bad = spawn(shell("exit 42")).wait();
  EXPECT_EQ(bad, (ExitStatus{.signalled = false, .value = 42}));
  EXPECT_FALSE(bad.success());
  EXPECT_EQ(bad.shell_code(), 42);
  const ExitStatus killed = spawn(shell("kill -TERM $$")).wait();
  EXPECT_EQ(killed, (ExitStatus{.signalled = true, .value = SIGTERM}));
  EXPECT_EQ(killed.shell_code(), 128 + SIGTERM);
}

TEST(Spawn, failures_before_exec_are_thrown_with_their_errno) {
  const TempDir temp = TempDir::in_host_tmp("spawn-");
  static_cast<void>(temp.dir().open_file(TreePath::clean("plain"), O_WRONLY | O_CREAT, 0644));
  {
    const UniqueFd fd = temp.dir().open_file(TreePath::clean("garbage"), O_WRONLY | O_CREAT, 0755);
    FdSink(fd.get(), "garbage").write(as_bytes("\x7f\x01 not a program"));
  }
  const std::string path = temp.host_path();
  EXPECT_EQ(errnum_of({.argv = {path + "/absent"}}), ENOENT);
  EXPECT_EQ(errnum_of({.argv = {path + "/plain"}}), EACCES);
  EXPECT_EQ(errnum_of({.argv = {path + "/garbage"}}), ENOEXEC);
  EXPECT_EQ(errnum_of({.argv = {"no-such-program-anywhere"}}), ENOENT);
  EXPECT_EQ(errnum_of({.argv = {""}}), ENOENT);
  EXPECT_EQ(errnum_of({.argv = {"true"}, .working_dir = path + "/absent"}), ENOENT);
  EXPECT_EQ(errnum_of({.argv = {"true"}, .stdout_fd = 9999}), EBADF);
  EXPECT_THROW(static_cast<void>(spawn({})), Error);
}

TEST(Spawn, the_path_is_searched_for_executable_files_only) {
  struct RestorePath {
    std::string before = std::getenv("PATH");
    ~RestorePath() { ::setenv("PATH", before.c_str(), 1); }
  };
  const TempDir temp = TempDir::in_host_tmp("path-");
  const Dir& dir = temp.dir();
  for (const auto folder : {"one", "two", "closed", "one/folder"}) dir.make_dir(at(folder), 0755);
  const auto script = [&](const char* path, mode_t mode) {
    const UniqueFd fd = dir.open_file(at(path), O_WRONLY | O_CREAT, mode);
    FdSink(fd.get(), path).write(as_bytes("#!/bin/sh\nexit 7\n"));
  };
  script("one/plain", 0644);
  script("one/both", 0644);
  script("two/both", 0755);
  script("closed/hidden", 0755);
  dir.set_mode(at("closed"), 0);
  const std::string base = temp.host_path();
  const RestorePath restore;
  ::setenv("PATH", cat(base, "/closed:", base, "/one:::.:two:", base, "/two").c_str(), 1);
  EXPECT_EQ(spawn({.argv = {"both"}}).wait().value, 7);  // the first of the name is no program
  EXPECT_EQ(find_program("both"), base + "/two/both");
  for (const auto none : {"plain", "folder", "none", "", "two/both", "/bin/sh"}) {
    EXPECT_EQ(find_program(none), std::nullopt) << none;
  }
  EXPECT_EQ(errnum_of({.argv = {"plain"}}), EACCES);
  EXPECT_EQ(errnum_of({.argv = {"folder"}}), ENOENT);
  EXPECT_EQ(errnum_of({.argv = {"none"}}), ENOENT);
  EXPECT_EQ(errnum_of({.argv = {"hidden"}}), ::geteuid() == 0 ? 0 : ENOENT);
  ::setenv("PATH", "two:.:", 1);
  EXPECT_EQ(errnum_of({.argv = {"both"}, .working_dir = base + "/two"}), ENOENT);
}

TEST(Spawn, failures_name_the_program_and_the_step) {
  try {
    static_cast<void>(spawn({.argv = {"true"}, .working_dir = "/no/such/place"}));
    FAIL() << "it ran";
  } catch (const SysError& error) {
    EXPECT_STREQ(error.what(), "running true in /no/such/place: No such file or directory");
  }
}

TEST(Spawn, leaves_no_descriptor_behind_when_it_fails) {
  const UniqueFd before(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(errnum_of({.argv = {"/no/such/program"}}), ENOENT);
  const UniqueFd after(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(after.get(), before.get() + 1);
}

TEST(Spawn, the_child_inherits_the_three_standard_descriptors_only) {
  // Without close-on-exec, on purpose. Numbers well above the one that the shell itself needs to
  // list a directory.
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd leaky(::fcntl(null.get(), F_DUPFD, 150));
  ASSERT_GE(leaky.get(), 150);
  const auto seen = run_program(shell("cd /proc/$$/fd; ls -d 1?? || echo none"));
  EXPECT_EQ(seen.standard_output, "none\n");
  const auto standard = run_program(shell("cd /proc/$$/fd; ls -d 0 1 2"));
  EXPECT_EQ(standard.standard_output, "0\n1\n2\n");
}

TEST(Spawn, standard_descriptors_may_be_crossed_over) {
  Pipe first = make_pipe();
  Pipe second = make_pipe();
  // The child's 2 is our 1 for a moment: both must arrive where they were meant to.
  const UniqueFd saved_out(::fcntl(1, F_DUPFD_CLOEXEC, 3));
  const UniqueFd saved_err(::fcntl(2, F_DUPFD_CLOEXEC, 3));
  ASSERT_EQ(::dup2(first.write_end.get(), 1), 1);
  ASSERT_EQ(::dup2(second.write_end.get(), 2), 2);
  SpawnOptions options = shell("printf out; printf err >&2");
  options.stdout_fd = 2;
  options.stderr_fd = 1;
  const ExitStatus status = spawn(options).wait();
  ASSERT_EQ(::dup2(saved_out.get(), 1), 1);
  ASSERT_EQ(::dup2(saved_err.get(), 2), 2);
  EXPECT_TRUE(status.success());
  std::array<char, 8> buffer{};
  EXPECT_EQ(::read(first.read_end.get(), buffer.data(), buffer.size()), 3);
  EXPECT_EQ(std::string(buffer.data(), 3), "err");
  EXPECT_EQ(::read(second.read_end.get(), buffer.data(), buffer.size()), 3);
  EXPECT_EQ(std::string(buffer.data(), 3), "out");
}

TEST(Spawn, the_environment_and_directory_are_what_was_asked) {
  SpawnOptions options = shell("echo \"$A-$HOME-$PWD\"");
  options.environment = {"A=b"};
  options.working_dir = "/";
  EXPECT_EQ(run_program(options).standard_output, "b--/\n");
  options = shell("echo \"$PATH\"");
  EXPECT_NE(run_program(options).standard_output, "\n");
}

TEST(Spawn, standard_input_is_empty_unless_given) {
  EXPECT_EQ(run_program({.argv = {"cat"}}).standard_output, "");
}

TEST(Spawn, signals_start_afresh) {
  struct Restore {
    sigset_t mask;
    struct sigaction pipe;
    ~Restore() {
      ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
      ::sigaction(SIGPIPE, &pipe, nullptr);
    }
  };
  Restore restore{};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGPIPE, &ignore, &restore.pipe), 0);
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &term, &restore.mask), 0);
  EXPECT_EQ(spawn(shell("kill -TERM $$; exit 3")).wait().value, SIGTERM);
  EXPECT_EQ(spawn(shell("kill -PIPE $$; exit 3")).wait().value, SIGPIPE);
  sigset_t now;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &now), 0);
  EXPECT_EQ(::sigismember(&now, SIGTERM), 1);  // ours is as it was
}

TEST(ChildProcess, wait_for_gives_up_and_can_be_asked_again) {
  Pipe pipe = make_pipe();
  SpawnOptions options{.argv = {"cat"}};
  options.stdin_fd = pipe.read_end.get();
  ChildProcess child = spawn(options);
  pipe.read_end.reset();
  EXPECT_EQ(child.wait_for(milliseconds(0)), std::nullopt);
  EXPECT_EQ(child.wait_for(milliseconds(10)), std::nullopt);
  pipe.write_end.reset();  // end of input ends cat
  EXPECT_EQ(child.wait_for(milliseconds(60'000)), ExitStatus{});
  EXPECT_THROW(static_cast<void>(child.wait()), SysError);
  EXPECT_THROW(static_cast<void>(child.wait_for(milliseconds(0))), SysError);
}

TEST(ChildProcess, kill_sends_a_signal) {
  ChildProcess child = spawn({.argv = {"sleep", "1000"}});
  child.kill(SIGINT);
  EXPECT_EQ(child.wait(), (ExitStatus{.signalled = true, .value = SIGINT}));
  child.kill(SIGINT);  // an empty handle: nothing to do
}

TEST(ChildProcess, destruction_kills_and_reaps) {
  pid_t pid = -1;
  {
    const ChildProcess child = spawn({.argv = {"sleep", "1000"}});
    pid = child.pid();
    ASSERT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);  // a zombie would still be there
  EXPECT_EQ(errno, ESRCH);
}

TEST(ChildProcess, destruction_reaches_the_group_it_leads) {
  Pipe alive = make_pipe();
  SpawnOptions options = shell("sleep 1000 & echo started; wait");
  options.stdout_fd = alive.write_end.get();
  options.lead_process_group = true;
  std::array<char, 16> buffer{};
  {
    const ChildProcess child = spawn(options);
    alive.write_end.reset();
    ASSERT_EQ(::read(alive.read_end.get(), buffer.data(), buffer.size()), 8);
  }
  // The grandchild holds the pipe's other end for as long as it lives.
  EXPECT_EQ(::read(alive.read_end.get(), buffer.data(), buffer.size()), 0);
}

TEST(ChildProcess, move_assignment_ends_the_child_that_was_held) {
  ChildProcess first = spawn({.argv = {"sleep", "1000"}});
  const pid_t old = first.pid();
  ChildProcess second = spawn({.argv = {"sleep", "1000"}});
  const pid_t kept = second.pid();
  first = std::move(second);
  EXPECT_EQ(::kill(old, 0), -1);
  EXPECT_EQ(first.pid(), kept);
  EXPECT_EQ(::kill(kept, 0), 0);
}

TEST(RunProgram, collects_both_streams_and_the_status) {
  const auto output = run_program(shell("cat; echo oops >&2; exit 7"), "some input");
  EXPECT_EQ(output.status, (ExitStatus{.signalled = false, .value = 7}));
  EXPECT_EQ(output.standard_output, "some input");
  EXPECT_EQ(output.standard_error, "oops\n");
}

TEST(RunProgram, drops_what_is_beyond_the_limit_without_blocking_the_program) {
  const auto output = run_program(shell("head -c 300000 /dev/zero; echo done >&2"), {}, 1000);
  EXPECT_TRUE(output.status.success());
  EXPECT_EQ(output.standard_output.size(), 1000U);
  EXPECT_EQ(output.standard_error, "done\n");
}

TEST(RunProgram, a_program_that_does_not_read_its_input_is_no_failure) {
  const auto output = run_program({.argv = {"true"}}, std::string(1 << 20, 'x'));
  EXPECT_TRUE(output.status.success());
}

TEST(RunProgram, ends_with_the_program_and_not_with_its_daemons) {
  const auto output = run_program(shell("sleep 1000 & echo $!"));
  EXPECT_TRUE(output.status.success());
  const pid_t daemon = std::stoi(output.standard_output);
  EXPECT_EQ(::kill(daemon, SIGKILL), 0);  // it was still there, and is not left behind
}

}  // namespace
}  // namespace cooper
