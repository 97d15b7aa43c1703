#include "parser/stop_signal.h"

#include <array>

#include "parser/source.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

constexpr std::array<std::string_view, 36> kNames = {
    "ABRT", "ALRM",   "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
    "INT",  "IO",     "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
    "SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
    "URG",  "USR1",   "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"};

// RTMIN+1 ... RTMIN+15, RTMAX-14 ... RTMAX-1 (signal(7): 34 to 64).
bool is_real_time(std::string_view name) {
  const bool low = name.starts_with("RTMIN+");
  if (!low && !name.starts_with("RTMAX-")) return false;
  return to_number(name.substr(6), 10, low ? 15 : 14).value_or(0) > 0;
}

bool is_number(std::string_view text) {
  constexpr unsigned long kLargest = 1UL << 31U;
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return to_number(text, 10, kLargest).value_or(0) != 0;
}

bool is_name(std::string_view text) {
  const std::string upper = to_upper(text);
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (const auto known : kNames) {
    if (name == known) return true;
  }
  return is_real_time(name);
}

}  // namespace

void check_stop_signal(std::string_view text) {
  if (!is_number(text) && !is_name(text)) throw DockerfileError(cat("invalid signal: ", text));
}

}  // namespace cooper::parser
