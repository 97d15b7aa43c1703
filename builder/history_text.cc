#include "builder/history_text.h"

#include <array>

#include "base/error.h"

namespace cooper::builder {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      default: out += c;
    }
  }
  return out + "\"";
}

// "1m30s", "500ms", "0s".
std::string duration_text(std::int64_t nanoseconds) {
  struct Unit {
    std::int64_t size_ns;
    const char* name;
  };
  static constexpr std::array<Unit, 6> kUnits = {{{3'600'000'000'000, "h"},
                                                  {60'000'000'000, "m"},
                                                  {1'000'000'000, "s"},
                                                  {1'000'000, "ms"},
                                                  {1'000, "us"},
                                                  {1, "ns"}}};
  if (nanoseconds == 0) return "0s";
  std::string text;
  for (const Unit& unit : kUnits) {
    const std::int64_t count = nanoseconds / unit.size_ns;
    if (count == 0) continue;
    text += cat(count, unit.name);
    nanoseconds -= count * unit.size_ns;
  }
  return text;
}

}  // namespace

std::string join_words(const std::vector<std::string>& words, char separator) {
  std::string text;
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
  return cat("HEALTHCHECK {", quoted_list(check.test), " ", duration_text(check.interval_ns), " ",
             duration_text(check.timeout_ns), " ", duration_text(check.start_period_ns), " ",
             duration_text(check.start_interval_ns), " ", check.retries, "}");
}

std::string copy_text(const std::string& keyword, const CopyStep& step, const std::vector<std::string>& sources,
                      const std::vector<parser::Heredoc>& heredocs, const std::string& destination) {
  std::string text = keyword;
  if (step.parents) text += " --parents";
  if (!step.chown.empty()) text += " --chown=" + step.chown;
  if (!step.chmod.empty()) text += " --chmod=" + step.chmod;
  for (const std::string& source : sources) text += " " + source;
  for (const parser::Heredoc& heredoc : heredocs) text += " <<" + heredoc.name;
  return text + " " + destination + " # buildkit";
}

}  // namespace cooper::builder
