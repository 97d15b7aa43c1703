// A Dockerfile as long as they come, from its text to the plan.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/child_process.h"
#include "base/error.h"
#include "builder/planner.h"
#include "parser/dockerfile.h"
#include "tests/bench/micro.h"

namespace cooper::bench {
namespace {

constexpr int kInstructions = 20'000;
constexpr double kAllowedMs = 50;

class NoImages : public builder::BaseResolver {
 public:
  builder::ResolvedBase resolve(const std::string& reference, const oci::Platform&) override {
    throw Error(Errc::not_found, reference);
  }
};

// A quarter each of ENV, COPY, RUN and LABEL, 50 bytes to a line. variables: how many names ENV sets in turn.
std::string long_dockerfile(int variables) {
  std::string text = "FROM scratch\n";
  for (int i = 0; i < kInstructions - 1; ++i) {
    const std::string part = "/opt/part/" + std::to_string(i / 4);
    const std::string name = "PART_" + std::to_string(i / 4 % variables);
    if (i % 4 == 0) text += cat("ENV ", name, "=\"", part, "\" OTHER='x y'\n");
    if (i % 4 == 1) text += cat("COPY --chown=1:1 src", part, "/*.txt ", part, "/\n");
    if (i % 4 == 2) text += cat("RUN install -d $", name, " && echo a word > ", part, "/x\n");
    if (i % 4 == 3) text += cat("LABEL org.example.part.", i, "=\"a value of $OTHER\"\n");
  }
  return text;
}

struct Times {
  double parse_ms = 0;
  double plan_ms = 0;
};

Times times_of_new_process(int variables) {
  SpawnOptions child;
  child.argv = {"/proc/self/exe", std::string(kPlanOnce), std::to_string(variables)};
  const ProgramOutput output = run_program(child);
  Times times;
  if (std::sscanf(output.standard_output.c_str(), "%lf %lf", &times.parse_ms, &times.plan_ms) != 2) {
    throw Error(Errc::io, "a process that plans once said nothing");
  }
  return times;
}

void measure_file(const char* name, int variables) {
  constexpr std::size_t kRuns = 15;
  std::vector<Times> runs;
  while (runs.size() < kRuns) runs.push_back(times_of_new_process(variables));
  const auto both = [](const Times& times) { return times.parse_ms + times.plan_ms; };
  std::ranges::nth_element(runs, runs.begin() + kRuns / 2, {}, both);
  const Times& median = runs[kRuns / 2];
  std::printf("%-44s %12.2f ms = parse %.2f + plan %.2f; %.0f ms allowed\n", name, both(median), median.parse_ms,
              median.plan_ms, kAllowedMs);
}

}  // namespace

void plan_once(int variables) {
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const std::string text = long_dockerfile(variables);
  builder::PlanOptions options;
  options.build_platform = options.target_platform = {"linux", "amd64", "", ""};
  NoImages images;
  parser::Findings findings;
  const Clock::time_point began = Clock::now();
  const parser::Dockerfile dockerfile = parser::parse_dockerfile("Dockerfile", text);
  const Clock::time_point parsed = Clock::now();
  const builder::Plan plan = builder::make_plan(dockerfile, options, images, findings);
  const Clock::time_point planned = Clock::now();
  std::printf("%f %f\n", Milliseconds(parsed - began).count(), Milliseconds(planned - parsed).count());
}

void measure_plan() {
  measure_file("plan 20,000 instructions, 1 MB", 100);
  measure_file("plan the same with 5,000 variables", 5'000);
}

}  // namespace cooper::bench
