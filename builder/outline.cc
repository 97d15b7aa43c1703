#include "builder/outline.h"

#include <algorithm>

#include "builder/plan_builder.h"

namespace cooper::builder {
namespace {

// CALL-05: the comment line whose first word is the name.
std::string description_of(const parser::Origin& origin, const std::string& name) {
  if (name.empty()) return "";
  for (const std::string& comment : origin.comments) {
    if (comment.starts_with(name + " ")) return comment.substr(name.size() + 1);
  }
  return "";
}

// Items by name, each once.
template <class Item>
class Once {
 public:
  explicit Once(std::vector<Item>& list) : list_(list) {}
  void add(const Item& item) {
    if (names_.insert(item.name).second) list_.push_back(item);
  }

 private:
  std::vector<Item>& list_;
  std::set<std::string> names_;
};

template <class Item>
void sort_by_line(std::vector<Item>& list) {
  std::stable_sort(list.begin(), list.end(),
                   [](const Item& left, const Item& right) { return left.range.first_line < right.range.first_line; });
}

}  // namespace

struct OutlineRecorder::Collected {
  Outline outline;
  Once<Outline::Argument> arguments{outline.arguments};
  Once<Outline::Id> secrets{outline.secrets};
  Once<Outline::Id> ssh{outline.ssh};
};

OutlineRecorder::OutlineRecorder(const StageTable& table, const GlobalScope& globals, char escape)
    : stages_(table.stages().size()) {
  for (const parser::Arg* arg : table.globals()) {
    for (const parser::Arg::Entry& entry : arg->entries) {
      Global global{{entry.name, description_of(arg->origin, entry.name), globals.get(entry.name).value_or(""),
                     arg->origin.range},
                    {}};
      const bool given = globals.build_args().contains(entry.name);
      if (entry.value && !given) global.refers_to = parser::referenced_names(*entry.value, escape);
      // "ARG A=${A}x" goes on referring to what A referred to.
      if (const auto before = globals_.find(entry.name); before != globals_.end() && !given) {
        const auto& old = before->second.refers_to;
        global.refers_to.insert(global.refers_to.end(), old.begin(), old.end());
      }
      globals_.insert_or_assign(entry.name, std::move(global));
    }
  }
  for (const StageText& stage : table.stages()) {
    use(parser::referenced_names(stage.from->image, escape), stages_[stage.index].used);
    use(parser::referenced_names(stage.from->platform, escape), stages_[stage.index].used);
  }
}

// Names, and what the defaults of those refer to.
void OutlineRecorder::use(std::vector<std::string> pending, std::set<std::string>& names) const {
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    const auto global = globals_.find(name);
    if (!names.insert(name).second || global == globals_.end()) continue;
    pending.insert(pending.end(), global->second.refers_to.begin(), global->second.refers_to.end());
  }
}

void OutlineRecorder::argument(std::size_t stage, const parser::Arg& arg, const GlobalScope& globals,
                               const StageScope& scope) {
  StageNotes& notes = stages_[stage];
  for (const parser::Arg::Entry& entry : arg.entries) {
    use({entry.name}, notes.used);
    const bool given = globals.build_args().contains(entry.name);
    const bool inherited = !entry.value && !given && globals.get(entry.name);
    if (inherited) continue;  // shows under its global definition
    notes.defined[entry.name] = {entry.name, description_of(arg.origin, entry.name),
                                 scope.lookup()(entry.name).value_or(""), arg.origin.range};
  }
}

void OutlineRecorder::mount(std::size_t stage, const parser::RunMount& mount, parser::SourceRange range) {
  if (mount.type == parser::MountType::ssh) {
    stages_[stage].ssh.push_back({mount.id, mount.required, range});
  }
  if (mount.type == parser::MountType::secret) stages_[stage].secrets.push_back({mount.id, mount.required, range});
}

void OutlineRecorder::collect(std::size_t stage, Collected& into) const {
  const StageNotes& notes = stages_[stage];
  for (const std::string& name : notes.used) {
    const auto own = notes.defined.find(name);
    const auto global = globals_.find(name);
    if (own != notes.defined.end()) {
      into.arguments.add(own->second);
    } else if (global != globals_.end()) {
      into.arguments.add(global->second.argument);
    }
  }
  for (const Outline::Id& secret : notes.secrets) into.secrets.add(secret);
  for (const Outline::Id& agent : notes.ssh) into.ssh.add(agent);
}

Outline OutlineRecorder::outline(const StageText& target) const {
  Collected all;
  std::vector<bool> visited(stages_.size(), false);
  std::vector<std::size_t> pending{target.index};
  while (!pending.empty()) {  // the stage that is continued, and all behind it, before those that are copied from
    const std::size_t stage = pending.back();
    pending.pop_back();
    if (visited[stage]) continue;
    visited[stage] = true;
    collect(stage, all);
    pending.insert(pending.end(), stages_[stage].needs.rbegin(), stages_[stage].needs.rend());
  }
  all.outline.name = target.name;
  all.outline.description = description_of(target.from->origin, target.name);
  sort_by_line(all.outline.arguments);
  sort_by_line(all.outline.secrets);
  sort_by_line(all.outline.ssh);
  return std::move(all.outline);
}

Outline make_outline(const parser::Dockerfile& dockerfile, const PlanOptions& options, BaseResolver& resolver) {
  parser::Findings unheard;
  return PlanBuilder(dockerfile, options, resolver, unheard).outline();
}

std::vector<Target> list_targets(const parser::Dockerfile& dockerfile) {
  const StageTable table(dockerfile);
  std::vector<Target> targets;
  for (const StageText& stage : table.stages()) {
    const parser::From& from = *stage.from;
    const bool is_default = stage.index + 1 == table.stages().size();
    targets.push_back({stage.name, description_of(from.origin, stage.name), from.image, from.platform, is_default,
                       from.origin.range});
  }
  return targets;
}

}  // namespace cooper::builder
