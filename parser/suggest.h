// "did you mean": the nearest of the allowed words (ERR-05).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cooper::parser {

enum class Case { sensitive, ignored };

// The candidate at the smallest edit distance, 1 or 2; an exact match or nothing near gives
// nullopt. With Case::ignored the answer is upper-cased if typed is all upper case, else
// lower-cased (LEX-12).
std::optional<std::string> find_suggestion(std::string_view typed,
                                           std::span<const std::string_view> candidates,
                                           Case match_case = Case::sensitive);
std::optional<std::string> find_suggestion(std::string_view typed,
                                           std::span<const std::string> candidates,
                                           Case match_case = Case::sensitive);

// For words of a file, compared with names of the same file: thousands of both would take the product of their numbers,
// so that there are no more suggestions after many comparisons.
class SuggestionBudget {
 public:
  std::optional<std::string> find(std::string_view typed, std::span<const std::string> candidates);

 private:
  std::size_t comparisons_left_ = 50'000;
};

// " (did you mean x?)", or "".
std::string did_you_mean(const std::optional<std::string>& suggestion);

// Levenshtein distance in bytes; anything above `limit` is reported as limit + 1.
int edit_distance(std::string_view left, std::string_view right, int limit);

}  // namespace cooper::parser
