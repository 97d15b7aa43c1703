// What a step's program sees of its own process, and what cooper sees of it.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <thread>

#include "base/error.h"
#include "sandbox_fixture.h"

namespace cooper::builder {
namespace {

using ::testing::HasSubstr;

class SandboxRun : public SandboxTest {};

TEST_F(SandboxRun, exit_codes_and_signals) {
  EXPECT_EQ(sh("exit 0").code, 0);
  EXPECT_EQ(sh("exit 7").code, 7);
  const Ran killed = sh("kill -9 $$");
  EXPECT_TRUE(killed.outcome.status.signalled);
  EXPECT_EQ(killed.code, 137);
}

TEST_F(SandboxRun, RUN_05_both_outputs_arrive_whole_and_stdin_is_empty) {
  const Ran ran = sh("cat; echo out; echo err >&2; seq 1 20000 | wc -l; seq 1 50000");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "err\n");
  EXPECT_TRUE(ran.out.starts_with("out\n20000\n1\n2\n")) << ran.out.substr(0, 40);
  EXPECT_TRUE(ran.out.ends_with("\n50000\n"));
}

TEST_F(SandboxRun, programs_that_cannot_start_are_reported_as_a_shell_would) {
  add_file("bin/plain", "not executable", 0644);
  add_file("bin/garbage", "\x7f\x01garbage", 0755);
  const StepRoot root = make_root();
  struct Case {
    const char* program;
    int code;
    const char* reason;
  };
  for (const Case& test : {Case{"nowhere", 127, "executable file not found in $PATH"},
                           {"/bin/nowhere", 127, "No such file"},
                           {"plain", 126, "Permission denied"},
                           {"/bin", 126, "Permission denied"},
                           {"garbage", 126, "Exec format error"}}) {
    RunRequest request;
    request.argv = {test.program};
    request.environment = {"PATH=/sbin:/bin"};
    const Ran ran = run(request, root.mount);
    EXPECT_EQ(ran.code, test.code) << test.program;
    EXPECT_THAT(ran.err, HasSubstr(test.reason)) << test.program;
  }
}

TEST_F(SandboxRun, arguments_and_environment_are_exactly_the_requests) {
  ::setenv("COOPER_TEST_LEAK", "host", 1);
  RunRequest request;
  request.argv = {"env"};
  request.environment = {"PATH=/bin", "EMPTY=", "A=b c"};
  EXPECT_EQ(run(request, make_root().mount).out, "PATH=/bin\nEMPTY=\nA=b c\n");
}

TEST_F(SandboxRun, RUN_06_working_dir_is_made_for_the_user_and_stays) {
  RunRequest request;
  request.working_dir = "/srv/new/deep";
  if (has_many_ids()) request.uid = request.gid = 1000;
  const StepRoot root = make_root();
  RunRequest complete = shell("pwd; stat -c '%u:%g %a' . ..");
  complete.working_dir = request.working_dir;
  complete.uid = request.uid;
  complete.gid = request.gid;
  const Ran ran = run(complete, root.mount);
  const std::string owner = has_many_ids() ? "1000:1000" : "0:0";
  EXPECT_EQ(ran.out, "/srv/new/deep\n" + owner + " 755\n" + owner + " 755\n");
  EXPECT_TRUE(std::filesystem::is_directory(root.upper + "/srv/new/deep"));
}

TEST_F(SandboxRun, a_working_dir_that_is_a_file_is_an_error_with_its_name) {
  add_file("srv/file", "");
  RunRequest request;
  request.working_dir = "/srv/file";
  try {
    sh("true", request);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("working directory /srv/file"));
  }
}

TEST_F(SandboxRun, RUN_07_hostname) {
  EXPECT_EQ(sh("hostname; grep -c 'localhost buildkitsandbox$' /etc/hosts").out,
            "buildkitsandbox\n1\n");
  RunRequest request;
  request.hostname = "cask";
  EXPECT_EQ(sh("hostname; grep -c 'localhost cask$' /etc/hosts", request).out, "cask\n1\n");
}

TEST_F(SandboxRun, RUN_12_umask) {
  ::umask(0077);
  const Ran ran = sh("umask; touch /f; mkdir /d; stat -c %a /f /d");
  ::umask(0022);
  EXPECT_EQ(ran.out, "0022\n644\n755\n");
}

TEST_F(SandboxRun, user_group_and_supplementary_groups) {
  EXPECT_EQ(sh("id -u; id -g").out, "0\n0\n");
  RunRequest request;
  request.uid = 1000;
  request.gid = 1001;
  request.supplementary_gids = {1001, 5, 27};
  if (has_many_ids()) {
    EXPECT_EQ(sh("id -u; id -g; id -G", request).out, "1000\n1001\n1001 5 27\n");
  } else {
    EXPECT_THROW(sh("id", request), Error);
  }
}

TEST_F(SandboxRun, no_descriptor_is_inherited) {
  const UniqueFd leaked(::dup(0));                                   // without close-on-exec
  EXPECT_EQ(sh("ls /proc/self/fd | tr '\\n' ' '").out, "0 1 2 3 ");  // 3: the listing itself
}

TEST_F(SandboxRun, signals_are_reset) {
  ::signal(SIGPIPE, SIG_IGN);
  const Ran ran = sh("grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'");
  ::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(ran.out, "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
}

TEST_F(SandboxRun, RUN_21_background_processes_die_with_the_program) {
  const StepRoot root = make_root();
  // Its output end stays open in the background process; the step must end all the same.
  const Ran ran = run(shell("(sleep 1000; touch /late) & echo done"), root.mount);
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "done\n");
  EXPECT_FALSE(std::filesystem::exists(root.upper + "/late"));
}

TEST_F(SandboxRun, orphans_are_reaped) {
  const Ran ran =
      sh("pid=$( (sh -c 'echo $$; exec 1>&- 2>&-' &) ); "
         "for i in $(seq 1 500); do [ -d /proc/$pid ] || exit 0; sleep 0.01; done; exit 1");
  EXPECT_EQ(ran.code, 0);
}

TEST_F(SandboxRun, cancelling_kills_the_step_as_a_whole) {
  std::stop_source source;
  RunOutcome outcome;
  const StepRoot root = make_root();
  EXPECT_THROW(
      {
        try {
          runner_->run(
              shell("sleep 1000 & sleep 1000 & echo started; sleep 1000"), root.mount,
              [&](std::string_view, bool) { source.request_stop(); }, source.get_token());
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), Errc::cancelled);
          throw;
        }
      },
      Error);
  EXPECT_THROW(run(shell("true"), root.mount, source.get_token()), Error);
}

TEST_F(SandboxRun, nothing_outlives_a_killed_cooper) {
  const std::string fifo = (store() / "fifo").string();
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  // Readable here for as long as a process of the step has it open.
  const UniqueFd end(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const UniqueFd source(::open(fifo.c_str(), O_PATH | O_CLOEXEC));
  const StepRoot root = make_root();
  const pid_t cooper = ::fork();
  if (cooper == 0) {
    RunRequest request = shell("exec 9>/fifo; echo x >&9; echo started; sleep 1000 & sleep 1000");
    request.mounts = {{.kind = StepMount::Kind::bind,
                       .target = TreePath::clean("fifo"),
                       .source_fd = source.get(),
                       .read_only = false}};
    // Its own runner: the writing end of the liveness pipe must not be in the test's process.
    const auto runner = make_namespace_runner(identity_, (store() / "ingest").string());
    runner_.reset();
    runner->run(request, root.mount, [](std::string_view, bool) { ::kill(::getpid(), SIGKILL); },
                {});
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(cooper, &status, 0), cooper);
  EXPECT_TRUE(WIFSIGNALED(status));
  pollfd polled{end.get(), POLLIN, 0};
  char byte = 0;
  ssize_t length = -1;
  do {
    ASSERT_EQ(::poll(&polled, 1, 60'000), 1) << "processes of the step are still alive";
    length = ::read(end.get(), &byte, 1);
  } while (length != 0);
}

TEST_F(SandboxRun, a_throwing_output_handler_ends_the_step) {
  const StepRoot root = make_root();
  EXPECT_THROW(runner_->run(shell("echo x; sleep 1000"), root.mount,
                            [](std::string_view, bool) { throw Error(Errc::io, "no room"); }, {}),
               Error);
}

TEST_F(SandboxRun, steps_run_side_by_side) {
  std::vector<StepRoot> roots;
  for (int i = 0; i < 4; ++i) roots.push_back(make_root());
  std::vector<Ran> rans(roots.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < roots.size(); ++i) {
      threads.emplace_back([&, i] {
        rans[i] =
            run(shell("echo $$ " + std::to_string(i) + " > /mine; cat /mine"), roots[i].mount);
      });
    }
  }
  for (std::size_t i = 0; i < roots.size(); ++i) {
    EXPECT_EQ(rans[i].out, "2 " + std::to_string(i) + "\n");  // 2: after init, in its own pid space
  }
}

TEST_F(SandboxRun, one_root_serves_several_steps) {
  const StepRoot root = make_root();
  EXPECT_EQ(run(shell("echo 1 > /f"), root.mount).code, 0);
  EXPECT_EQ(run(shell("cat /f"), root.mount).out, "1\n");
}

TEST_F(SandboxRun, ulimits_are_set) {
  RunRequest request;
  request.ulimits = {{"nofile", 100, 200}, {"core", 0, 0}};
  EXPECT_EQ(sh("ulimit -S -n; ulimit -H -n; ulimit -c", request).out, "100\n200\n0\n");
  request.ulimits = {{"nofiles", 1, 1}};
  EXPECT_THROW(sh("true", request), Error);
  request.ulimits = {{"nofile", 2, 1}};
  EXPECT_THROW(sh("true", request), Error);
}

TEST_F(SandboxRun, a_limit_on_processes_binds_root_too) {
  // One id is counted together with everything else of the user; the machine's uid 0 is not
  // counted.
  if (!has_many_ids() || steps_are_host_root()) return;
  RunRequest request;
  request.ulimits = {{"nproc", 50, 50}};
  const Ran ran =
      sh("for i in $(seq 1 300); do sleep 30 & done 2>&1 | grep -q . && echo refused; "
         "ls -d /proc/[0-9]* | wc -l",
         request);
  EXPECT_THAT(ran.out + ran.err, ::testing::AnyOf(HasSubstr("refused"), HasSubstr("can't fork")));
}

}  // namespace
}  // namespace cooper::builder
