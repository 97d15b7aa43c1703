// Golden directories testdata/checks/<case>/: a Dockerfile and the answers to questions about it, one file per call and
// format (check.txt, check.json, check.sarif, outline.txt, …). Beside them: args (K=V lines), target, platform, ignore.
// COOPER_ACCEPT=1 rewrites the answers and skips.
#include "cmd/questions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "builder/stand_in_bases.h"
#include "tests/builder/plan_fixture.h"
#include "tests/golden_folders.h"

namespace cooper::cmd {
namespace {

namespace fs = std::filesystem;
using tests::find_text;

// busybox; shelly, which has a SHELL; a registry that does not answer; and nothing else.
class Bases : public builder::FakeResolver {
 public:
  Bases() {
    for (const char* name : {"busybox:latest", "busybox:1"}) images[name] = builder::made_up_base("busybox");
    images["shelly"] = builder::made_up_base("shelly");
    images["shelly"].config.shell = {"/bin/bash", "-c"};
  }
  builder::ResolvedBase resolve(const std::string& reference, const oci::Platform& platform) override {
    if (reference.starts_with("unreachable.example/")) throw Error(Errc::network, "no route to host");
    return FakeResolver::resolve(reference, platform);
  }
};

struct Asked {
  int code = -1;
  std::string out;
  std::string err;
};

class Questions : public ::testing::TestWithParam<std::string> {
 protected:
  Asked ask(const std::string& call) {
    Question question;
    question.call = parse_call(call);
    question.source = {"Dockerfile", "some dir/Dockerfile", find_text(folder_ / "Dockerfile").value_or("")};
    question.plan = options();
    question.plan.every_stage = question.plan.targets.empty() && question.call.kind == Call::Kind::check;
    question.bases = [this]() -> builder::BaseResolver& { return bases_; };
    const auto progress = make_progress(ProgressMode::plain);
    Asked asked;
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    try {
      asked.code = answer(question, *progress);
    } catch (const Error& error) {
      asked.err = error.what();
    }
    asked.out = ::testing::internal::GetCapturedStdout();
    asked.err += ::testing::internal::GetCapturedStderr();
    return asked;
  }

  builder::PlanOptions options() {
    builder::PlanOptions options = builder::amd64_options();
    std::istringstream args(find_text(folder_ / "args").value_or(""));
    for (std::string line; std::getline(args, line);) {
      const std::size_t equals = line.find('=');
      options.build_args[line.substr(0, equals)] = line.substr(equals + 1);
    }
    if (const auto target = find_text(folder_ / "target")) options.targets = {*target};
    if (const auto platform = find_text(folder_ / "platform")) {
      options.target_platform = oci::parse_platform(*platform);
    }
    if (const auto ignore = find_text(folder_ / "ignore")) {
      ignored_ = parser::parse_ignore(*ignore);
      options.ignored = [this] { return &ignored_; };
    }
    return options;
  }

  // What is found decides the exit code, in every format.
  static int expected_code(const std::string& call, const Asked& plain) {
    const bool clean = plain.out.starts_with("Check complete: no ") && plain.err.find("ERROR: ") == std::string::npos;
    return call != "check" || clean ? 0 : 1;
  }

  const fs::path folder_ = fs::path(COOPER_TESTDATA) / "checks" / GetParam();
  Bases bases_;
  parser::IgnorePatterns ignored_;
};

TEST_P(Questions, are_answered_as_before) {
  const bool accept = std::getenv("COOPER_ACCEPT") != nullptr;
  std::size_t answers = 0;
  for (const std::string call : {"check", "outline", "targets"}) {
    const Asked plain = ask(call);
    for (const std::string format : {"txt", "json", "sarif"}) {
      const fs::path expectation = folder_ / (call + "." + format);
      const auto expected = find_text(expectation);
      if (!expected) continue;
      ++answers;
      const Asked asked = format == "txt" ? plain : ask(call + ",format=" + format);
      const std::string actual = asked.out + (format == "txt" ? asked.err : "");
      if (accept) std::ofstream(expectation, std::ios::binary) << actual;
      EXPECT_EQ(accept ? actual : *expected, actual);
      EXPECT_EQ(asked.code, expected_code(call, plain)) << call << " " << format;
      EXPECT_TRUE(format == "txt" || nlohmann::json::accept(actual)) << actual;
    }
  }
  EXPECT_GT(answers, 0U) << "nothing is expected in " << folder_;
  if (accept) GTEST_SKIP() << "accepted " << folder_;
}

INSTANTIATE_TEST_SUITE_P(Checks, Questions, ::testing::ValuesIn(tests::cases_of("checks")), tests::name_of_case);

TEST(Calls, CALL_06_spellings) {
  EXPECT_EQ(parse_call("").kind, Call::Kind::build);
  EXPECT_EQ(parse_call("lint").kind, Call::Kind::check);
  EXPECT_EQ(parse_call("check,format=json").format, Call::Format::json);
  EXPECT_EQ(parse_call("check,format=sarif").format, Call::Format::sarif);
  EXPECT_EQ(parse_call("plan,dot").format, Call::Format::dot);
  for (const char* bad : {"outlines", "build,format=json", "outline,format=sarif", "targets,x", "check,format="}) {
    EXPECT_THROW(parse_call(bad), Error) << bad;
  }
}

TEST(StandIns, CALL_01_what_can_not_be_reached_is_told_once_and_what_is_not_there_fails) {
  Bases bases;
  std::vector<std::string> told;
  builder::StandInBases stand_ins(bases, [&](const std::string& text) { told.push_back(text); });
  const oci::Platform platform{"linux", "arm64", "", ""};
  EXPECT_TRUE(stand_ins.resolve("busybox", platform).known);
  EXPECT_FALSE(stand_ins.resolve("unreachable.example/x", platform).known);
  EXPECT_EQ(stand_ins.resolve("unreachable.example/x", platform).config.platform, platform);
  EXPECT_EQ(told.size(), 1U);
  EXPECT_THROW(stand_ins.resolve("nothing", platform), Error);
}

}  // namespace
}  // namespace cooper::cmd
