// Progress that keeps what is no step.
#pragma once

#include <string>
#include <vector>

#include "base/guarded.h"
#include "builder/progress.h"

namespace cooper::builder {

class QuietProgress : public Progress {
 public:
  void planned(const Plan&) override {}
  void started(StepId) override {}
  void output(StepId, std::string_view, bool) override {}
  void finished(StepId, StepOutcome) override {}
  void activity_started(const std::string& label) override {
    activities_.with([&](auto& list) { list.push_back(label); });
  }
  void activity_finished(const std::string&, bool) override {}
  void notice(const std::string&) override {}

  std::vector<std::string> activities() const {
    return activities_.with([](const auto& list) { return list; });
  }

 private:
  Guarded<std::vector<std::string>> activities_;
};

}  // namespace cooper::builder
