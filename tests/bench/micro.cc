// Micro benchmarks of the parts that decide how long a build takes. docs/benchmarks.md says how to
// run them.
#include "tests/bench/micro.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "base/error.h"
#include "base/heap.h"
#include "base/temp_dir.h"
#include "builder/sandbox/identity.h"
#include "builder/sandbox/runner.h"
#include "builder/sandbox/snapshot.h"
#include "cache/store.h"
#include "parser/dockerfile.h"
#include "parser/ignore.h"

namespace cooper::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kLookups = 1000;
constexpr int kPatterns = 1000;
constexpr int kIgnorePaths = 50'000;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

std::string dockerfile_text(std::size_t size_bytes) {
  std::string text = "# syntax=docker/dockerfile:1\nFROM base AS first\n";
  for (int i = 0; text.size() < size_bytes; ++i) {
    const std::string number = std::to_string(i);
    text +=
        "# part " + number + "\nENV PART_" + number + "=\"${PART:-" + number + "}\" OTHER='x y'\n";
    text += "RUN --mount=type=cache,target=/cache set -e; \\\n    echo one " + number +
            " && \\\n    # a comment in between\n    install -d /opt/part && rm -rf /tmp/x\n";
    text += "COPY --chown=1:1 --chmod=644 src/part" + number + "/*.txt /opt/part/" + number + "/\n";
    text += "LABEL org.example.part." + number + "=\"value " + number + "\"\n";
    if (i % 16 == 0) text += "RUN <<EOF\necho a here document\ncat /etc/passwd\nEOF\n";
  }
  return text;
}

void measure_parser() {
  const std::string text = dockerfile_text(1'000'000);
  measure("parse a Dockerfile of 1 MB", static_cast<double>(text.size()) / 1e6, "MB",
          [&] { (void)parser::parse_dockerfile("Dockerfile", text); });
}

// A third "**/x*", a third literal, a third exceptions of either kind.
std::vector<std::string> usual_patterns() {
  std::vector<std::string> patterns;
  for (int i = 0; i < kPatterns; ++i) {
    const std::string number = std::to_string(i);
    const std::string literal = "files/d" + std::to_string(i % 500) + "/f" + number;
    if (i % 3 == 0) patterns.push_back("**/x" + number + "*");
    if (i % 3 == 1) patterns.push_back(literal);
    if (i % 3 == 2) patterns.push_back(i % 2 == 0 ? "!**/x" + number + "*.keep" : "!" + literal);
  }
  return patterns;
}

// All of the form "*a*b*c*": many begin to match each name.
std::vector<std::string> starry_patterns() {
  std::mt19937 random(7);
  std::vector<std::string> patterns;
  for (int i = 0; i < kPatterns; ++i) {
    std::string pattern = i % 3 == 0 ? "!**/*" : "**/*";
    for (int letter = 0; letter < 3; ++letter) {
      pattern.push_back(static_cast<char>('a' + random() % 26));
      pattern.push_back('*');
    }
    patterns.push_back(pattern);
  }
  return patterns;
}

// 500 directories of 100 files, as of the load files50k; the usual patterns speak of a few of them.
std::vector<TreePath> many_paths() {
  std::vector<TreePath> paths;
  for (int i = 0; i < kIgnorePaths; ++i) {
    const std::string number = std::to_string(i);
    paths.push_back(TreePath::clean("files/d" + std::to_string(i % 500) +
                                    (i < kPatterns ? "/x" : "/f") + number +
                                    (i % 4 == 0 ? ".keep" : "")));
  }
  return paths;
}

void measure_ignore(const std::string& name, const std::vector<std::string>& patterns,
                    const std::vector<TreePath>& paths) {
  measure(name, static_cast<double>(paths.size()), "path", [&] {
    const parser::IgnorePatterns ignore(patterns);
    for (const TreePath& path : paths) {
      if (ignore.excluded(path)) (void)ignore.may_include_beneath(path);
    }
  });
}

void measure_ignore() {
  const std::vector<TreePath> paths = many_paths();
  measure_ignore("ignore, 1,000 patterns, 50,000 paths", usual_patterns(), paths);
  std::vector<TreePath> words;
  const std::string text = text_like(1'000'000);
  for (std::size_t at = 0; words.size() < 2000; at += 50) {
    words.push_back(TreePath::clean("source/part/" + text.substr(at, 20)));
  }
  measure_ignore("ignore, 1,000 patterns like **/*a*b*c*", starry_patterns(), words);
  std::string greedy;
  for (int i = 0; i < 50; ++i) greedy += "a*";
  measure_ignore("ignore, 50 times a*, then b, 250 times a", {greedy + "b"},
                 {TreePath::clean(std::string(250, 'a'))});
}

void measure_store(const std::string& path) {
  const auto store = cache::Store::open(path);
  const auto lease = store->lease();
  const oci::Digest layer = oci::sha256(std::string_view("a layer"));
  std::vector<cache::StepKey> keys;
  for (int i = 0; i < kLookups; ++i) keys.push_back({oci::sha256(std::to_string(i))});
  const cache::StepRecord record{
      .inputs = std::string(500, 'x'), .layer = std::nullopt, .created = "2024-01-02T03:04:05Z"};
  measure("store, put a step", kLookups, "step", [&] {
    for (const cache::StepKey& key : keys) store->put_step(key, record);
  });
  measure("store, find a step", kLookups, "step", [&] {
    for (const cache::StepKey& key : keys) (void)store->find_step(key);
  });
  measure("store, miss a step", kLookups, "step", [&] {
    for (const cache::StepKey& key : keys) (void)store->find_step({oci::sha256(key.str())});
  });
  store->put_table({layer}, std::string(10'000, 't'));
  measure("store, find a table of 10 kB", kLookups, "table", [&] {
    for (int i = 0; i < kLookups; ++i) (void)store->open_table({layer});
  });
  measure("store, open a second time", 1, "store", [&] { (void)cache::Store::open(path); });
}

void measure_sandbox(const fs::path& store, const builder::Identity& identity) {
  const fs::path base = store / "trees" / "base";
  fs::create_directories(base / "bin");
  fs::create_directories(base / "etc");
  fs::create_directories(store / "ingest");
  fs::copy_file("/bin/busybox", base / "bin/busybox");
  fs::create_symlink("busybox", base / "bin/true");
  std::ofstream(base / "etc/passwd") << "root::0:0::/:/bin/sh\n";

  builder::StepStorage storage(identity, store.string());
  const auto runner = builder::make_namespace_runner(identity, (store / "ingest").string());
  builder::RunRequest request;
  request.argv = {"/bin/true"};
  request.environment = {"PATH=/bin"};
  int steps = 0;
  measure("sandbox, one step of true", 1, "step", [&] {
    const fs::path dir = store / "ingest" / std::to_string(steps++);
    fs::create_directories(dir / "upper");
    fs::create_directories(dir / "work");
    const builder::StackMount root =
        storage.mount({base.string()}, (dir / "upper").string(), (dir / "work").string());
    const auto outcome = runner->run(request, root.fd, [](std::string_view, bool) {}, {});
    if (outcome.status.shell_code() != 0) throw Error(Errc::step_failed, "true failed");
  });
}

}  // namespace

void measure(const std::string& name, double amount, std::string_view unit,
             const std::function<void()>& body) {
  body();
  std::vector<double> seconds;
  const Clock::time_point began = Clock::now();
  while (seconds.size() < 3 || seconds_since(began) < 0.5) {
    const Clock::time_point one = Clock::now();
    body();
    seconds.push_back(seconds_since(one));
  }
  std::ranges::nth_element(seconds,
                           seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2));
  const double median = seconds[seconds.size() / 2];
  const bool rate = unit == "MB";
  std::printf("%-44s %12.2f %s%.*s%s\n", name.c_str(),
              rate ? amount / median : median / amount * 1e6, rate ? "" : "us per ",
              static_cast<int>(unit.size()), unit.data(), rate ? "/s" : "");
  std::fflush(stdout);
}

void tell_skipped(const std::string& name, std::string_view reason) {
  std::printf("%-44s      skipped: %.*s\n", name.c_str(), static_cast<int>(reason.size()),
              reason.data());
}

std::string text_like(std::size_t size_bytes) {
  std::mt19937_64 random(42);
  std::vector<std::string> words(4096);
  for (std::string& word : words) {
    for (std::size_t left = 2 + random() % 9; left > 0; --left) {
      word.push_back(static_cast<char>('a' + random() % 26));
    }
  }
  std::string text;
  text.reserve(size_bytes + 16);
  while (text.size() < size_bytes) {
    text += words[random() % words.size()];
    text.push_back(random() % 12 == 0 ? '\n' : ' ');
  }
  text.resize(size_bytes);
  return text;
}

}  // namespace cooper::bench

int main(int argc, char** argv) {
  using namespace cooper;
  using namespace cooper::bench;
  take_memory_in_large_steps();  // as the program does
  try {
    if (argc == 3 && argv[1] == kPlanOnce) {
      plan_once(std::stoi(argv[2]));
      return 0;
    }
    const builder::Identity* identity = nullptr;
    std::string refusal;
    try {  // before any thread starts
      identity = &builder::enter_build_namespace();
    } catch (const Error& error) {
      refusal = error.what();
    }
    const TempDir scratch = TempDir::in_host_tmp("cooper-bench-");
    const fs::path path = scratch.host_path();
    measure_parser();
    measure_plan();
    measure_ignore();
    measure_layers();
    measure_store((path / "store").string());
    const std::string sandbox = "sandbox, one step of true";
    if (identity == nullptr) {
      tell_skipped(sandbox, refusal);
    } else if (!fs::exists("/bin/busybox")) {
      tell_skipped(sandbox, "/bin/busybox is missing (busybox-static)");
    } else {
      measure_sandbox(path / "sandbox", *identity);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cooper_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
