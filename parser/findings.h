// What the lint rules found in one Dockerfile (rows CHECK-23 … CHECK-27), as far as its options let them speak.
#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "parser/check.h"
#include "parser/instruction.h"
#include "parser/rules.h"
#include "parser/source.h"

namespace cooper::parser {

// One finding. It never stops a build by itself.
struct Diagnostic {
  const Rule* rule = nullptr;  // of parser/rules.h, lives for ever
  std::string message;         // about this place
  std::vector<SourceRange> ranges;
};

// "Rule: message (line N)".
std::string short_text(const Diagnostic& finding);

class Findings {
 public:
  explicit Findings(CheckOptions options = {}) : options_(std::move(options)) {}

  // Takes a finding unless the options of the file, or those in the comments above the instruction, silence its rule.
  // parts fill the "{}" of the rule's message.
  void report(const Rule& rule, const Origin& origin, std::initializer_list<std::string_view> parts = {},
              const std::optional<std::string>& suggestion = {});
  // The same for a place that is not the instruction's own.
  void report_at(SourceRange range, const Rule& rule, const Origin& origin,
                 std::initializer_list<std::string_view> parts = {}, const std::optional<std::string>& suggestion = {});

  // May the rule speak of this instruction?
  bool hears(const Rule& rule, const Origin& origin) const;

  // The same file is planned again, for another platform: what is here already is not taken once more (CHECK-27).
  void begin_another_plan();

  bool empty() const noexcept { return found_.empty(); }
  bool fails_build() const noexcept { return options_.error && !found_.empty(); }  // CHECK-25
  // "lint violation found for rules: A, B", names sorted.
  std::string failure() const;
  // In line order.
  std::vector<Diagnostic> sorted() const;

 private:
  CheckOptions options_;
  std::vector<Diagnostic> found_;
  std::set<std::tuple<int, std::string_view, std::string>> told_;  // by earlier plans: line, rule, message
};

}  // namespace cooper::parser
