#include "builder/history_text.h"

#include "base/error.h"
#include "parser/utf8.h"

namespace cooper::builder {
namespace {

// As Go's %q: \n, \x1b, and \xff for what is no UTF-8.
std::string quoted(const std::string& text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kLetters = "abtnvfr";  // from 0x07 on
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t character = parser::decode_utf8(text, at);
    const auto byte = static_cast<unsigned char>(text[begin]);
    if (character == U'"' || character == U'\\') {
      out += '\\';
      out += static_cast<char>(byte);
    } else if (byte >= 0x07 && byte <= 0x0d) {
      out += '\\';
      out += kLetters[byte - 0x07U];
    } else if (byte < 0x20 || byte == 0x7f || character >= parser::kRawByte) {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out.append(text, begin, at - begin);
    }
  }
  return out + "\"";
}

// A number of `unit`s with its fraction, trailing zeros dropped: "1.5".
std::string with_fraction(std::int64_t nanoseconds, std::int64_t unit) {
  std::string text = std::to_string(nanoseconds / unit);
  std::string fraction = std::to_string(unit + nanoseconds % unit).substr(1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? text : text + "." + fraction;
}

// As the field prints durations: "1h0m0s", "1m30s", "1.5s", "500ms", "0s".
std::string duration_text(std::int64_t nanoseconds) {
  constexpr std::int64_t kMicrosecond = 1'000;
  constexpr std::int64_t kMillisecond = 1'000'000;
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < 0) return "-" + duration_text(-nanoseconds);
  if (nanoseconds < kMicrosecond) return cat(nanoseconds, "ns");
  if (nanoseconds < kMillisecond) return with_fraction(nanoseconds, kMicrosecond) + "\xC2\xB5s";
  if (nanoseconds < kSecond) return with_fraction(nanoseconds, kMillisecond) + "ms";
  const std::int64_t minutes = nanoseconds / kSecond / 60;
  std::string text = with_fraction(nanoseconds - minutes * 60 * kSecond, kSecond) + "s";
  if (minutes > 0) text = cat(minutes % 60, "m", text);
  if (minutes >= 60) text = cat(minutes / 60, "h", text);
  return text;
}

}  // namespace

std::string join_words(const std::vector<std::string>& words, char separator) {
  std::string text;
  std::size_t size = words.size();
  for (const std::string& word : words) size += word.size();
  text.reserve(size);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += separator;
    text += words[i];
  }
  return text;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::vector<std::string> list;
  list.reserve(words.size());
  for (const std::string& word : words) list.push_back(quoted(word));
  return bracketed(list);
}

std::string bracketed(const std::vector<std::string>& words) { return "[" + join_words(words) + "]"; }

std::string healthcheck_text(const oci::Healthcheck& check) {
  return cat("HEALTHCHECK {Test:", bracketed(check.test), " Interval:", duration_text(check.interval_ns),
             " Timeout:", duration_text(check.timeout_ns), " StartPeriod:", duration_text(check.start_period_ns),
             " StartInterval:", duration_text(check.start_interval_ns), " Retries:", check.retries, "}");
}

std::string copy_text(std::string keyword, const CopyStep& step, const std::vector<std::string>& sources,
                      const std::vector<parser::Heredoc>& heredocs, const std::string& destination) {
  std::string text = std::move(keyword);
  if (step.parents) text += " --parents";
  if (!step.chown.empty()) text += " --chown=" + step.chown;
  if (!step.chmod.empty()) text += " --chmod=" + step.chmod;
  for (const std::string& source : sources) text.append(1, ' ').append(source);
  for (const parser::Heredoc& heredoc : heredocs) text.append(" <<").append(heredoc.name);
  text.append(1, ' ').append(destination).append(" # buildkit");
  return text;
}

}  // namespace cooper::builder
