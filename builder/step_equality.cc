#include "builder/step_equality.h"

#include <optional>

#include "base/error.h"

namespace cooper::builder {
namespace {

// Times of files are taken from a clock that ticks a few times in a hundredth of a second: at the very start it is behind.
constexpr std::int64_t kClockLagSeconds = 1;

// No time in whole seconds is either.
constexpr Timestamp kNow{0, 1};
constexpr Timestamp kAsBelow{0, 2};

class Times {
 public:
  Times(const layers::Tree& below, const StepPeriod& period) : below_(below), period_(period) {}

  Timestamp operator()(const layers::Entry& entry) {
    if (as_below(entry)) return kAsBelow;
    const std::int64_t seconds = entry.mtime.seconds;
    const bool is_now = seconds >= period_.began - kClockLagSeconds && seconds <= period_.ended;
    return is_now ? kNow : Timestamp{seconds, 0};
  }

 private:
  bool as_below(const layers::Entry& entry) {
    if (absent_ && absent_->contains(entry.path)) return false;
    const std::optional<layers::Entry> lower = below_.find(entry.path);
    if (!lower && entry.type == layers::EntryType::directory) absent_ = entry.path;
    return lower && lower->mtime.seconds == entry.mtime.seconds;
  }

  const layers::Tree& below_;
  const StepPeriod& period_;
  std::optional<TreePath> absent_;  // the last directory that is new: nothing beneath it is below
};

}  // namespace

oci::ContentDigest equality_of(const layers::Table& layer, const layers::Tree& below, const StepPeriod& period) {
  const oci::ContentDigest content = layer.content_digest(Times(below, period));
  return {oci::sha256(cat("chosen times ", content.str()))};
}

}  // namespace cooper::builder
