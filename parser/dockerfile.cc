#include "parser/dockerfile.h"

#include "parser/directives.h"
#include "parser/lines.h"
#include "parser/statement.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

bool looks_at_flags(const InstructionRule& rule, const Statement& statement) {
  switch (rule.flag_use) {
    case FlagUse::checked:
      return true;
    case FlagUse::ignored:
      return false;
    case FlagUse::unless_none:
      return statement.words.empty() || to_upper(statement.words.front()) != "NONE";
  }
  return true;
}

// The heredocs that the arguments open (HEREDOC-01), without bodies.
std::vector<HeredocWord> heredocs_of(const InstructionRule& rule, const Statement& statement) {
  if (rule.heredocs == Heredocs::no || statement.json) return {};
  if (rule.heredocs == Heredocs::yes) return find_heredocs(statement.rest());
  Statement trigger = open_statement(std::string(statement.rest()), statement.escape);
  const InstructionRule* inner = find_rule(trigger.origin.keyword());
  if (inner == nullptr || inner->heredocs != Heredocs::yes) return {};
  split_arguments(inner->form, trigger);
  return heredocs_of(*inner, trigger);
}

Instruction read_instruction(LogicalLine&& line, LineReader& reader, char escape) {
  SourceRange range = line.range;
  try {
    Statement statement = open_statement(std::move(line.text), escape);
    statement.origin.comments = std::move(line.comments);
    const InstructionRule* rule = find_rule(statement.origin.keyword());
    if (rule == nullptr) fail_unknown(statement.origin.keyword());
    split_arguments(rule->form, statement);
    for (HeredocWord& word : heredocs_of(*rule, statement)) {
      reader.read_body(word.heredoc, range);
      statement.heredocs.push_back(std::move(word.heredoc));
    }
    statement.origin.range = range;
    if (looks_at_flags(*rule, statement))
      statement.flags = Flags(statement.written_flags, rule->flags);
    return rule->make(std::move(statement));
  } catch (DockerfileError& error) {
    error.locate(range);
    throw;
  }
}

void check_place(const Instruction& instruction, bool in_stage) {
  if (in_stage || std::holds_alternative<From>(instruction) ||
      std::holds_alternative<Arg>(instruction))
    return;
  throw DockerfileError("no build stage in current context", {origin_of(instruction).range});
}

}  // namespace

namespace {

Dockerfile parse(std::string name, std::string text) {
  if (text.empty()) throw DockerfileError("the Dockerfile cannot be empty");
  Dockerfile file;
  file.name = std::move(name);
  file.text = std::move(text);
  const std::string_view body = without_bom(file.text);
  const DirectiveBlock block = read_directives(body);
  file.directives = block.directives;
  file.escape = block.directives.escape;
  LineReader reader(body, file.escape, block.lines);
  bool in_stage = false;
  while (auto line = reader.next()) {
    if (line->empty_continuation)
      file.empty_continuations.push_back({file.instructions.size(), line->range.last_line});
    file.instructions.push_back(read_instruction(std::move(*line), reader, file.escape));
    check_place(file.instructions.back(), in_stage);
    in_stage = in_stage || std::holds_alternative<From>(file.instructions.back());
  }
  if (file.instructions.empty()) throw DockerfileError("file with no instructions", {{1, 1}});
  if (!in_stage) throw DockerfileError("dockerfile contains no stages to build");
  return file;
}

}  // namespace

Dockerfile parse_dockerfile(std::string name, std::string text) {
  try {
    return parse(std::move(name), std::move(text));
  } catch (DockerfileError& error) {
    error.mark_syntax();
    throw;
  }
}

Instruction parse_trigger(std::string_view text, char escape) {
  LineReader reader(text, escape, 0);
  auto line = reader.next();
  if (!line) throw DockerfileError("onbuild trigger holds no instruction");
  Instruction instruction = read_instruction(std::move(*line), reader, escape);
  if (reader.next()) throw DockerfileError("onbuild trigger should be a single instruction");
  return instruction;
}

}  // namespace cooper::parser
