#include "builder/stage_links.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "oci/reference.h"
#include "parser/mount.h"

namespace cooper::builder {
namespace {

// The stages that one stage copies or mounts from, in the order of its instructions.
class LinkReader {
 public:
  LinkReader(const StageTable& table, const IsContext& is_context) : table_(table), is_context_(is_context) {}

  std::vector<StageLink> links_of(const StageText& stage) {
    std::vector<StageLink> links;
    if (!stage.name.empty() && is_context_(stage, stage.name)) return links;
    for (const parser::Instruction* instruction : stage.body) {
      const auto* copy = std::get_if<parser::Copy>(instruction);
      const auto* run = std::get_if<parser::Run>(instruction);
      const bool may_link = copy != nullptr ? !copy->from.empty() : run != nullptr && !run->mounts.empty();
      if (!may_link) continue;
      const parser::SourceRange range = parser::origin_of(*instruction).range;
      try {
        if (copy != nullptr) follow(stage, copy->from, true, range, links);
        if (run != nullptr) {
          for (const std::string& mount : run->mounts) follow(stage, parser::check_mount(mount), false, range, links);
        }
      } catch (parser::DockerfileError& error) {
        error.locate(range);
        throw;
      }
    }
    return links;
  }

 private:
  void follow(const StageText& stage, const std::string& from, bool numbers, parser::SourceRange range,
              std::vector<StageLink>& links) const {
    if (from.empty()) return;
    if (const auto index = table_.find(from, numbers)) {
      links.push_back({*index, range});
    } else if (from != "scratch" && !is_context_(stage, from)) {
      check_image_name(from);
    }
  }

  const StageTable& table_;
  const IsContext& is_context_;
};

[[noreturn]] void fail_circular(const StageTable& table, std::size_t first, std::vector<parser::SourceRange> ranges) {
  const StageText& stage = table.stages()[first];
  const std::string name = stage.name.empty() ? cat("stage-", first) : stage.name;
  throw parser::DockerfileError(cat("circular dependency detected on stage: ", name), std::move(ranges));
}

// Depth first with a stack of our own: how deep stages stand on each other is the file's choice.
void check_circles(const StageTable& table, const std::vector<std::vector<StageLink>>& links) {
  enum class Mark { fresh, on_path, done };
  std::vector<Mark> marks(links.size(), Mark::fresh);
  struct Visit {
    std::size_t stage;
    std::size_t next = 0;
  };
  for (std::size_t first = 0; first < links.size(); ++first) {
    if (marks[first] != Mark::fresh) continue;
    std::vector<Visit> path{{first}};
    std::vector<parser::SourceRange> ranges;
    marks[first] = Mark::on_path;
    while (!path.empty()) {
      Visit& visit = path.back();
      if (visit.next == links[visit.stage].size()) {
        marks[visit.stage] = Mark::done;
        path.pop_back();
        if (!ranges.empty()) ranges.pop_back();
        continue;
      }
      const StageLink& link = links[visit.stage][visit.next++];
      if (marks[link.to] == Mark::done) continue;
      ranges.push_back(link.range);
      if (marks[link.to] == Mark::on_path) fail_circular(table, first, ranges);
      marks[link.to] = Mark::on_path;
      path.push_back({link.to});
    }
  }
}

}  // namespace

std::vector<std::vector<StageLink>> read_stage_links(const StageTable& table, const IsContext& is_context) {
  LinkReader reader(table, is_context);
  std::vector<std::vector<StageLink>> links;
  links.reserve(table.stages().size());
  for (const StageText& stage : table.stages()) links.push_back(reader.links_of(stage));
  check_circles(table, links);
  return links;
}

void check_image_name(const std::string& name) {
  try {
    static_cast<void>(oci::parse_reference(name));
  } catch (const Error& error) {
    throw parser::DockerfileError(cat("failed to parse stage name \"", name, "\": ", error.message()));
  }
}

}  // namespace cooper::builder
