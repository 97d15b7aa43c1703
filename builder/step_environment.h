// The variables of a RUN, "K=V" in order. What the steps of a stage, and of those that continue it, have in common is
// stored once, so that ten thousand steps behind ten thousand ENVs do not hold fifty million words.
//
// A value: copies never see each other's changes. set() must not meet a reader of a copy in another thread; all else
// may.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cooper::builder {

class StepEnvironment {
 public:
  StepEnvironment() = default;
  explicit StepEnvironment(const std::vector<std::string>& key_value_words);

  // Of a name that is there already, in place (ENV-04).
  void set(const std::string& name, const std::string& value);
  // Behind all others, in this copy alone. The name must be a new one.
  void append(std::string word) { own_.push_back(std::move(word)); }

  std::vector<std::string> words() const;
  friend bool operator==(const StepEnvironment& left, const StepEnvironment& right) {
    return left.words() == right.words();
  }

 private:
  using Assignment = std::pair<std::string, std::string>;
  using Assignments = std::vector<Assignment>;
  std::vector<const Assignment*> folded() const;  // the last of each name, in the place of its first

  // In the order in which they were made; only ever added to. The first size_ are ours, others are of copies of us.
  std::shared_ptr<Assignments> shared_;
  std::size_t size_ = 0;
  std::size_t fold_at_ = 0;
  std::vector<std::string> own_;
};

}  // namespace cooper::builder
