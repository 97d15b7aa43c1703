// What a build tells while it runs. cmd draws it; tests record it. Called from several threads at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/plan.h"

namespace cooper::builder {

enum class StepOutcome { done, cached, failed, cancelled };

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void planned(const Plan& plan) = 0;
  virtual void started(StepId step) = 0;
  virtual void output(StepId step, std::string_view bytes, bool is_stderr) = 0;
  virtual void finished(StepId step, StepOutcome outcome) = 0;
  // Work that is no step of the Dockerfile: "exporting to oci", "pulling docker.io/library/busybox". Same label begins
  // and ends it.
  virtual void activity_started(const std::string& label) = 0;
  virtual void activity_finished(const std::string& label, bool ok) = 0;
  virtual void notice(const std::string& line) = 0;
};

}  // namespace cooper::builder
