#include "builder/output_mask.h"

#include <algorithm>

namespace cooper::builder {
namespace {

constexpr std::size_t kShortestLine = 8;  // of several
constexpr const char* kMask = "****";

std::string_view without_line_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

OutputMask::OutputMask(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    const std::string_view value = without_line_end(secret);
    add(value);
    if (value.find('\n') == std::string_view::npos) continue;
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t end = std::min(value.find('\n', at), value.size());
      const std::string_view line = without_line_end(value.substr(at, end - at));
      if (line.size() >= kShortestLine) add(line);
      at = end + 1;
    }
  }
}

void OutputMask::add(std::string_view secret) {
  if (secret.size() < kShortest) return;
  by_beginning_[std::string(secret.substr(0, kShortest))].push_back(patterns_.size());
  patterns_.emplace_back(secret);
  longest_ = std::max(longest_, secret.size());
}

std::size_t OutputMask::match(std::string_view text, std::size_t at) const {
  const auto found = by_beginning_.find(text.substr(at, kShortest));
  if (found == by_beginning_.end()) return 0;
  std::size_t longest = 0;
  for (const std::size_t index : found->second) {
    const std::string& pattern = patterns_[index];
    if (pattern.size() > longest && text.substr(at).starts_with(pattern)) longest = pattern.size();
  }
  return longest;
}

std::size_t OutputMask::uncertain_from(std::string_view text) const {
  const std::size_t first = text.size() - std::min(text.size(), longest_ - 1);
  const auto unfinished = [](std::string_view tail) {
    return [tail](const std::string& pattern) { return pattern.size() > tail.size() && pattern.starts_with(tail); };
  };
  for (std::size_t at = first; at < text.size(); ++at) {
    const std::string_view tail = text.substr(at);
    if (tail.size() < kShortest) {
      if (std::any_of(patterns_.begin(), patterns_.end(), unfinished(tail))) return at;
      continue;
    }
    const auto found = by_beginning_.find(tail.substr(0, kShortest));
    if (found == by_beginning_.end()) continue;
    const auto begins = [&](std::size_t index) { return unfinished(tail)(patterns_[index]); };
    if (std::any_of(found->second.begin(), found->second.end(), begins)) return at;
  }
  return text.size();
}

std::string OutputMask::Stream::pass(std::string_view bytes) {
  if (mask_.empty()) return std::string(bytes);
  const std::string text = held_.append(bytes);
  const std::size_t certain = mask_.uncertain_from(text);
  std::string out;
  std::size_t at = 0;
  while (at < certain) {
    const std::size_t length = mask_.match(text, at);
    if (length == 0) {
      out += text[at++];
    } else {
      out += kMask;
      at += length;
    }
  }
  held_ = at < text.size() ? text.substr(at) : std::string();
  return out;
}

std::string OutputMask::Stream::finish() {
  std::string out;
  for (std::size_t at = 0; at < held_.size();) {
    const std::size_t length = mask_.match(held_, at);
    if (length == 0) {
      out += held_[at++];
    } else {
      out += kMask;
      at += length;
    }
  }
  held_.clear();
  return out;
}

}  // namespace cooper::builder
