#include <charconv>
#include <chrono>
#include <iostream>

#include "base/error.h"
#include "cmd/image_commands.h"
#include "cmd/options_text.h"
#include "cmd/session.h"
#include "cmd/store_access.h"
#include "cmd/store_usage_text.h"

namespace cooper::cmd {
namespace {

// "90s", "15m", "48h", "7d".
std::chrono::seconds parse_age(const std::string& text) {
  long long count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string unit(end, text.data() + text.size());
  const long long scale = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86400 : 0;
  if (failure != std::errc() || scale == 0 || count < 0) {
    throw Error(Errc::invalid, cat("invalid age \"", text, "\" (90s, 15m, 48h, 7d)"));
  }
  return std::chrono::seconds(count * scale);
}

}  // namespace

void prune_store(const PruneFlags& flags) {
  cache::PruneOptions options;
  options.all = flags.all && !flags.keep_names;
  if (!flags.older_than.empty()) options.older_than = parse_age(flags.older_than);
  if (!flags.keep.empty()) options.keep_bytes = parse_size(flags.keep, "--keep");
  const cache::PruneResult result = open_store_to_remove()->prune(options);
  std::cout << "removed " << result.removed_objects << " objects, " << result.freed_bytes << " bytes\n";
}

void tell_store_usage(const std::string& format, bool entries) {
  const std::string path = store_path().string();
  const cache::StoreUsage usage = open_store_to_remove()->usage();  // trees are looked into as their owner
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::cout << (format == "json" ? usage_json(usage, path) : usage_text(usage, entries, now));
}

int verify_store(bool repair) {
  const auto problems = open_store_to_remove()->verify(repair);
  for (const std::string& line : problems) std::cout << line << "\n";
  if (problems.empty()) std::cout << "the store is sound\n";
  return problems.empty() || repair ? 0 : 3;
}

}  // namespace cooper::cmd
