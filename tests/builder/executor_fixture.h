// Plans carried out without a process or a namespace, and what was told of them meanwhile.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <utility>

#include "base/guarded.h"
#include "builder/context.h"
#include "builder/executor.h"
#include "layers/apply.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {

class RecordingProgress : public Progress {
 public:
  void planned(const Plan&) override {}
  void started(StepId) override {}
  void output(StepId, std::string_view, bool) override {}
  void finished(StepId step, StepOutcome outcome) override {
    outcomes_.with([&](auto& map) { map[step] = outcome; });
  }
  void activity_started(const std::string&) override {}
  void activity_finished(const std::string&, bool) override {}
  void notice(const std::string&) override {}

  // "done cached …" of the steps that are no sources, in the plan's order.
  std::string told(const Plan& plan) const {
    return outcomes_.with([&](const auto& map) {
      std::string text;
      for (const auto& [step, outcome] : map) {
        if (std::holds_alternative<SourceStep>(plan.steps[step].operation)) continue;
        static constexpr const char* kNames[] = {"done", "cached", "failed", "cancelled"};
        text += (text.empty() ? "" : " ") + std::string(kNames[static_cast<int>(outcome)]);
      }
      return text;
    });
  }

 private:
  Guarded<std::map<StepId, StepOutcome>> outcomes_;
};

struct Built {
  std::string told;
  LayerStack rootfs;
  std::vector<StepResult> results;
  std::vector<std::string> events;  // "open <context>", "run"
};

class ExecutorTest : public StoreTest {
 protected:
  void SetUp() override { fs::create_directories(path("context")); }

  void put(const std::string& name, const std::string& content) {
    write_file(path("context") / name, content);
  }

  ExecuteOptions options(std::vector<std::string>& events) {
    ExecuteOptions made;
    made.source_date_epoch = epoch_;
    made.keep_xattrs = keep_xattrs_;
    made.clock = [this] { return std::pair<std::int64_t, std::uint32_t>(clock_, 0); };
    made.open_context = [this, &events](const std::string& name) {
      events.push_back("open " + name);
      const ContextOptions context{path("context") / name, std::nullopt, nullptr, 2, keep_xattrs_};
      return open_local_context(context, read_ignore_file(context));
    };
    made.before_running = [this, &events] {
      events.emplace_back("run");
      if (const auto hook = std::exchange(before_running_, nullptr)) hook();
    };
    return made;
  }

  Built execute_plan(const Plan& plan, std::stop_token stop = {}) {
    Built built;
    RecordingProgress progress;
    built.results =
        execute(plan, *store_, fetcher_, progress, options(built.events), std::move(stop));
    built.told = progress.told(plan);
    built.rootfs = built.results[plan.result().rootfs].rootfs;
    return built;
  }

  Built build(const std::string& text) { return execute_plan(plan_of(text)); }

  // "path content" of every file of a layer, as its blob holds them.
  std::map<std::string, layers::Entry> entries(const PlannedLayer& layer) {
    std::map<std::string, layers::Entry> found;
    const auto table = layers::read_table(store_->open_blob(layer.descriptor.digest), {}, "layer");
    for (const layers::Entry& entry : table.entries()) found[entry.path.str()] = entry;
    return found;
  }

  std::function<void()> before_running_;  // once
  std::int64_t clock_ = 1'700'000'000;
  std::optional<std::int64_t> epoch_;
  bool keep_xattrs_ = false;
};

inline oci::ContentDigest digest_of(const std::string& text) {
  return {oci::sha256(text)};
}

}  // namespace cooper::builder
