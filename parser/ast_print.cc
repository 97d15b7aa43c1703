#include "parser/ast_print.h"

#include "parser/statement.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

void print_flags(const std::vector<std::string>& flags, std::string& out) {
  if (flags.empty()) return;
  std::string_view separator = " [";
  for (const std::string& flag : flags) {
    out += separator;
    out += quoted(flag);
    separator = " ";
  }
  out += ']';
}

// An instruction keeps its flags and arguments as what they mean; here they are wanted as words.
Statement read_words(const Origin& origin, char escape) {
  Statement statement = open_statement(origin.text, escape);
  split_arguments(find_rule(origin.keyword())->form, statement);
  return statement;
}

void print_heredocs(const std::vector<Heredoc>& heredocs, std::string& out) {
  for (const Heredoc& heredoc : heredocs) {
    out += " (heredoc " + quoted(heredoc.name) + ' ' + quoted(heredoc.body) + ')';
  }
}

const std::vector<Heredoc>* heredocs_of(const Instruction& instruction) {
  if (const auto* run = std::get_if<Run>(&instruction)) return &run->heredocs;
  if (const auto* copy = std::get_if<Copy>(&instruction)) return &copy->heredocs;
  if (const auto* add = std::get_if<Add>(&instruction)) return &add->heredocs;
  return nullptr;
}

// A trigger that this parser cannot read (it may be meant for another one) is shown as text.
std::string print_trigger(const Onbuild& onbuild) {
  try {
    return print_ast(parse_trigger(onbuild.trigger));
  } catch (const DockerfileError&) {
    return quoted(onbuild.trigger);
  }
}

}  // namespace

std::string print_ast(const Instruction& instruction, char escape) {
  const Origin& origin = origin_of(instruction);
  const Statement statement = read_words(origin, escape);
  std::string out = "(" + to_lower(origin.keyword());
  print_flags(statement.written_flags, out);
  if (const auto* onbuild = std::get_if<Onbuild>(&instruction)) {
    out += ' ' + print_trigger(*onbuild);
  } else {
    for (const std::string& word : statement.words) out += ' ' + quoted(word);
  }
  if (const auto* heredocs = heredocs_of(instruction)) print_heredocs(*heredocs, out);
  return out + ')';
}

std::string print_ast(const Dockerfile& dockerfile) {
  std::string out;
  for (const Instruction& instruction : dockerfile.instructions)
    out += print_ast(instruction, dockerfile.escape) + '\n';
  return out;
}

}  // namespace cooper::parser
