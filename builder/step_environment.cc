#include "builder/step_environment.h"

#include "builder/scope.h"

namespace cooper::builder {

StepEnvironment::StepEnvironment(const std::vector<std::string>& key_value_words) {
  const EnvironmentList list(key_value_words);
  for (const std::string& name : list.names()) set(name, *list.get(name));
}

std::vector<const StepEnvironment::Assignment*> StepEnvironment::folded() const {
  NameList names;
  std::vector<const Assignment*> list;
  for (std::size_t i = 0; i < size_; ++i) {
    const Assignment& each = (*shared_)[i];
    const std::size_t at = names.add(each.first);
    if (at == list.size()) list.push_back(&each);
    list[at] = &each;
  }
  return list;
}

void StepEnvironment::set(const std::string& name, const std::string& value) {
  if (!shared_ || shared_->size() != size_ || size_ >= fold_at_) {
    constexpr std::size_t kFew = 64;
    auto own = std::make_shared<Assignments>();
    for (const Assignment* each : folded()) own->push_back(*each);
    size_ = own->size();
    fold_at_ = 4 * size_ + kFew;  // so that names set again and again cost words() nothing
    shared_ = std::move(own);
  }
  shared_->emplace_back(name, value);
  ++size_;
}

std::vector<std::string> StepEnvironment::words() const {
  std::vector<std::string> list;
  for (const auto* each : folded()) list.push_back(each->first + "=" + each->second);
  list.insert(list.end(), own_.begin(), own_.end());
  return list;
}

}  // namespace cooper::builder
