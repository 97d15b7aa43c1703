// Times in image documents: RFC 3339, years 0 to 9999.
#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "oci/image.h"

namespace cooper::oci {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kFirstSecond = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

void append_padded(std::string& text, std::int64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  text.append(width - std::min(width, digits.size()), '0').append(digits);
}

// Eats text from the front; any mismatch makes the whole reading fail.
class TimeScanner {
 public:
  explicit TimeScanner(std::string_view text) : rest_(text) {}

  bool literal(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> number(std::size_t width) {
    if (rest_.size() < width) return std::nullopt;
    int value = 0;
    for (const char digit : rest_.substr(0, width)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      value = value * 10 + (digit - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }
  // Digits after the point; those beyond nanoseconds are dropped.
  std::optional<std::uint32_t> fraction() {
    std::uint32_t value = 0;
    std::size_t count = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++count) {
      if (count < 9) value = value * 10 + static_cast<std::uint32_t>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (count == 0) return std::nullopt;
    for (; count < 9; ++count) value *= 10;
    return value;
  }
  // Seconds east of UTC.
  std::optional<std::int64_t> offset() {
    if (literal('Z')) return 0;
    const bool east = literal('+');
    if (!east && !literal('-')) return std::nullopt;
    const auto hours = number(2);
    if (!hours || *hours > 23 || !literal(':')) return std::nullopt;
    const auto minutes = number(2);
    if (!minutes || *minutes > 59) return std::nullopt;
    const std::int64_t seconds = *hours * 3600 + *minutes * 60;
    return east ? seconds : -seconds;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> scan_date(TimeScanner& scan) {
  const auto y = scan.number(4);
  if (!y || !scan.literal('-')) return std::nullopt;
  const auto m = scan.number(2);
  if (!m || !scan.literal('-')) return std::nullopt;
  const auto d = scan.number(2);
  if (!d) return std::nullopt;
  const year_month_day date(year(*y), month(static_cast<unsigned>(*m)),
                            day(static_cast<unsigned>(*d)));
  if (!date.ok()) return std::nullopt;
  return sys_days(date).time_since_epoch().count() * kSecondsPerDay;
}

std::optional<std::int64_t> scan_clock(TimeScanner& scan) {
  const auto hours = scan.number(2);
  if (!hours || *hours > 23 || !scan.literal(':')) return std::nullopt;
  const auto minutes = scan.number(2);
  if (!minutes || *minutes > 59 || !scan.literal(':')) return std::nullopt;
  const auto seconds = scan.number(2);
  if (!seconds || *seconds > 59) return std::nullopt;
  return *hours * 3600 + *minutes * 60 + *seconds;
}

}  // namespace

std::string format_time(std::int64_t seconds, std::uint32_t nanoseconds) {
  if (seconds < kFirstSecond || seconds > kLastSecond || nanoseconds > 999'999'999) {
    throw Error(Errc::invalid, cat("time ", seconds, " is outside the years 0 to 9999"));
  }
  std::int64_t in_day = seconds % kSecondsPerDay;
  if (in_day < 0) in_day += kSecondsPerDay;
  const auto days = std::chrono::days((seconds - in_day) / kSecondsPerDay);
  const year_month_day date{sys_days(days)};
  std::string text;
  append_padded(text, static_cast<int>(date.year()), 4);
  append_padded(text += '-', static_cast<unsigned>(date.month()), 2);
  append_padded(text += '-', static_cast<unsigned>(date.day()), 2);
  append_padded(text += 'T', in_day / 3600, 2);
  append_padded(text += ':', in_day / 60 % 60, 2);
  append_padded(text += ':', in_day % 60, 2);
  if (nanoseconds != 0) {
    append_padded(text += '.', nanoseconds, 9);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text += 'Z';
}

std::optional<std::pair<std::int64_t, std::uint32_t>> parse_time(std::string_view text) {
  TimeScanner scan(text);
  const auto date = scan_date(scan);
  if (!date || !scan.literal('T')) return std::nullopt;
  const auto clock = scan_clock(scan);
  if (!clock) return std::nullopt;
  std::uint32_t nanoseconds = 0;
  if (scan.literal('.')) {
    const auto fraction = scan.fraction();
    if (!fraction) return std::nullopt;
    nanoseconds = *fraction;
  }
  const auto offset = scan.offset();
  if (!offset || !scan.at_end()) return std::nullopt;
  return std::pair(*date + *clock - *offset, nanoseconds);
}

}  // namespace cooper::oci
