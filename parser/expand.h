// Variable expansion (rows EXP-*). Failures are DockerfileError without a range: callers locate()
// them.
//
// `escape` is the Dockerfile's escape character. `unset`, if given, collects each name that was
// referenced without being set, in order, once (UndefinedVar), with a default or without,
// positional and special names too.
//
// ${v//x/$w} multiplies, and so do values that are made of values: an expansion that would grow its
// text by more than kMaxExpansionBytes is refused, as is one whose patterns would take minutes.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

inline constexpr std::size_t kMaxExpansionBytes = std::size_t{4} << 20U;

// The value of a variable, nullopt if unset.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// One word to one word: quotes and escapes removed, blanks kept (EXP-21).
std::string expand_word(std::string_view text, char escape, const Lookup& lookup,
                        std::vector<std::string>* unset = nullptr);

// One word to any number: unquoted blanks split, in expanded values too (EXPOSE).
std::vector<std::string> expand_words(std::string_view text, char escape, const Lookup& lookup,
                                      std::vector<std::string>* unset = nullptr);

// A heredoc body: quotes are ordinary, the escape character is always the backslash (EXP-23,
// DIR-05).
std::string expand_heredoc(std::string_view body, const Lookup& lookup,
                           std::vector<std::string>* unset = nullptr);

// The names a word refers to, in order, each once, without evaluating anything (UndefinedArgInFrom,
// FROM-16).
std::vector<std::string> referenced_names(std::string_view text, char escape);

}  // namespace cooper::parser
