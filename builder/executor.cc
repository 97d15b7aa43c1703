#include "builder/executor.h"

#include "base/error.h"
#include "base/stop.h"
#include "builder/scheduler.h"
#include "builder/step_error.h"
#include "builder/step_runner.h"

namespace cooper::builder {
namespace {

class Execution {
 public:
  Execution(const Plan& plan, cache::Store& store, LayerFetcher& fetcher, Progress& progress,
            const ExecuteOptions& options)
      : plan_(plan),
        progress_(progress),
        options_(options),
        runner_(plan, store, fetcher, progress, options),
        results_(plan.steps.size()),
        nodes_(plan.steps.size()) {
    for (StepId id = 0; id < plan.steps.size(); ++id) nodes_[id].inputs = inputs_of(plan.steps[id]);
  }

  std::vector<StepResult> run(std::stop_token stop) {
    answer_from_cache(stop);
    bool work_left = false;
    bool workshop = false;
    for (StepId id = 0; id < plan_.steps.size(); ++id) {
      if (nodes_[id].done) continue;
      work_left = true;
      workshop = workshop || needs_workshop(plan_, plan_.steps[id]);
    }
    if (!work_left) return std::move(results_);
    runner_.end_look_up();
    for (StepId id = 0; id < plan_.steps.size(); ++id) {
      if (!nodes_[id].done) locate(id, [&] { runner_.open_context_of(id); });
    }
    if (workshop) runner_.open_workshop();
    if (options_.before_running) options_.before_running();
    run_dag(nodes_, stop, [this](std::size_t id, std::stop_token inner) { perform(id, inner); });
    return std::move(results_);
  }

 private:
  bool inputs_done(StepId id) const {
    for (const std::size_t input : nodes_[id].inputs) {
      if (!nodes_[input].done) return false;
    }
    return true;
  }

  // The look-up pass: no thread, no namespace. What it can't answer is left for the schedule.
  void answer_from_cache(std::stop_token stop) {
    for (StepId id = 0; id < plan_.steps.size(); ++id) {
      end_if_stopped(stop);
      if (!inputs_done(id)) continue;
      if (const auto* source = std::get_if<SourceStep>(&plan_.steps[id].operation)) {
        locate(id, [&] {
          auto found = runner_.source(*source, stop);
          if (!found) return;
          const bool cached = found->cached;
          settle(id, *std::move(found), cached ? StepOutcome::cached : StepOutcome::done);
        });
        continue;
      }
      if (plan_.steps[id].ignore_cache) continue;
      locate(id, [&] {
        if (const auto prepared = runner_.prepare(id, results_, stop)) {
          if (auto found = runner_.look_up(id, *prepared, results_)) {
            settle(id, std::move(*found), StepOutcome::cached);
          }
        }
      });
    }
  }

  void settle(StepId id, StepResult result, StepOutcome outcome) {
    results_[id] = std::move(result);
    nodes_[id].done = true;
    progress_.started(id);
    progress_.finished(id, outcome);
  }

  void perform(StepId id, std::stop_token stop) {
    progress_.started(id);
    try {
      locate(id, [&] { results_[id] = runner_.perform(id, results_, stop); });
    } catch (const Error& error) {
      progress_.finished(id, error.code() == Errc::cancelled ? StepOutcome::cancelled : StepOutcome::failed);
      throw;
    }
    progress_.finished(id, results_[id].cached ? StepOutcome::cached : StepOutcome::done);
  }

  // Gives failures of a step their place in the Dockerfile.
  template <class Body>
  void locate(StepId id, Body&& body) {
    try {
      body();
    } catch (const StepError&) {
      throw;
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled) throw;
      throw StepError(error.code(), error.what(), plan_.steps[id]);
    }
  }

  const Plan& plan_;
  Progress& progress_;
  const ExecuteOptions& options_;
  StepRunner runner_;
  std::vector<StepResult> results_;
  std::vector<DagNode> nodes_;
};

}  // namespace

std::vector<StepResult> execute(const Plan& plan, cache::Store& store, LayerFetcher& fetcher, Progress& progress,
                                const ExecuteOptions& options, std::stop_token stop) {
  return Execution(plan, store, fetcher, progress, options).run(std::move(stop));
}

}  // namespace cooper::builder
