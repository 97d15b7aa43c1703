#include "builder/stage_needs.h"

#include <algorithm>

#include "parser/mount.h"

namespace cooper::builder {
namespace {

class Needs {
 public:
  Needs(const StageTable& table, std::size_t target, const StageFinder& find)
      : table_(table), find_(find), needed_(target + 1, false) {
    needed_[target] = true;
  }

  std::vector<std::size_t> list() {
    std::vector<std::size_t> list;
    for (std::size_t index = needed_.size(); index-- > 0;) {  // needs point backwards
      if (!needed_[index]) continue;
      list.push_back(index);
      follow(table_.stages()[index]);
    }
    std::reverse(list.begin(), list.end());
    return list;
  }

 private:
  void follow(const StageText& stage) {
    if (find_.is_replaced(stage)) return;
    need(find_.base_of(stage));
    for (const parser::Instruction* instruction : stage.body) {
      if (const auto* copy = std::get_if<parser::Copy>(instruction); copy != nullptr && !copy->from.empty()) {
        need(find_.source(copy->from, stage.index, true));
      }
      const auto* run = std::get_if<parser::Run>(instruction);
      if (run == nullptr) continue;
      for (const std::string& mount : run->mounts) {
        if (const std::string from = parser::check_mount(mount); !from.empty()) {
          need(find_.source(from, stage.index, false));
        }
      }
    }
  }
  void need(const std::optional<std::size_t>& stage) {
    if (stage) needed_[*stage] = true;
  }

  const StageTable& table_;
  const StageFinder& find_;
  std::vector<bool> needed_;
};

}  // namespace

std::vector<std::size_t> needed_stages(const StageTable& table, std::size_t target, const StageFinder& find) {
  return Needs(table, target, find).list();
}

}  // namespace cooper::builder
