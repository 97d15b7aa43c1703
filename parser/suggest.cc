#include "parser/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "parser/text.h"

namespace cooper::parser {
namespace {

constexpr int kFarthest = 2;  // ERR-05

template <class Candidates>
std::optional<std::string> nearest(std::string_view typed, const Candidates& candidates,
                                   Case match_case) {
  const bool fold = match_case == Case::ignored;
  const std::string wanted = fold ? to_lower(typed) : std::string(typed);
  std::optional<std::string> best;
  int best_distance = kFarthest + 1;
  for (const auto& candidate : candidates) {
    const std::string word = fold ? to_lower(candidate) : std::string(candidate);
    if (word == wanted) return std::nullopt;
    const int distance = edit_distance(wanted, word, kFarthest);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = word;
  }
  if (best && fold && typed == to_upper(typed)) best = to_upper(*best);
  return best;
}

}  // namespace

int edit_distance(std::string_view left, std::string_view right, int limit) {
  const auto longer = std::max(left.size(), right.size());
  const auto shorter = std::min(left.size(), right.size());
  if (longer - shorter > static_cast<std::size_t>(limit)) return limit + 1;
  std::vector<int> row(right.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= left.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const int replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return std::min(row.back(), limit + 1);
}

std::optional<std::string> find_suggestion(std::string_view typed,
                                           std::span<const std::string_view> candidates,
                                           Case match_case) {
  return nearest(typed, candidates, match_case);
}

std::optional<std::string> find_suggestion(std::string_view typed,
                                           std::span<const std::string> candidates,
                                           Case match_case) {
  return nearest(typed, candidates, match_case);
}

std::optional<std::string> SuggestionBudget::find(std::string_view typed, std::span<const std::string> candidates) {
  comparisons_left_ -= std::min(candidates.size(), comparisons_left_);
  return comparisons_left_ > 0 ? find_suggestion(typed, candidates) : std::nullopt;
}

std::string did_you_mean(const std::optional<std::string>& suggestion) {
  return suggestion ? " (did you mean " + *suggestion + "?)" : "";
}

}  // namespace cooper::parser
