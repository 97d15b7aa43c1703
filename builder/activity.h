// Work that is no step of the Dockerfile, told while it lasts: it ends, well or badly, with its scope.
#pragma once

#include <string>
#include <utility>

#include "builder/progress.h"

namespace cooper::builder {

class Activity {
 public:
  Activity(Progress& progress, std::string label) : progress_(progress), label_(std::move(label)) {
    progress_.activity_started(label_);
  }
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;
  ~Activity() { progress_.activity_finished(label_, ok_); }
  void succeed() { ok_ = true; }

 private:
  Progress& progress_;
  std::string label_;
  bool ok_ = false;
};

}  // namespace cooper::builder
