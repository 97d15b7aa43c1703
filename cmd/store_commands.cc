#include <charconv>
#include <iostream>

#include "base/error.h"
#include "builder/sandbox/identity.h"
#include "cmd/image_commands.h"
#include "cmd/options_text.h"
#include "cmd/session.h"

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

// Trees hold files of mapped ids, which only the build's namespace may remove. Where none is to be had no step ever
// ran, and what is in the store is ours.
void enter_namespace_if_possible() {
  try {
    builder::enter_build_namespace();
  } catch (const Error& error) {
    if (error.code() != Errc::denied) throw;
  }
}

}  // namespace

void prune_store(const PruneFlags& flags) {
  cache::PruneOptions options;
  options.all = flags.all;
  if (!flags.older_than.empty()) options.older_than = parse_age(flags.older_than);
  if (!flags.keep.empty()) options.keep_bytes = parse_size(flags.keep, "--keep");
  enter_namespace_if_possible();
  const cache::PruneResult result = open_store()->prune(options);
  std::cout << "removed " << result.removed_objects << " objects, " << result.freed_bytes << " bytes\n";
}

int verify_store(bool repair) {
  enter_namespace_if_possible();
  const auto problems = open_store()->verify(repair);
  for (const std::string& line : problems) std::cout << line << "\n";
  if (problems.empty()) std::cout << "the store is sound\n";
  return problems.empty() || repair ? 0 : 3;
}

}  // namespace cooper::cmd
