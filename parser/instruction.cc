#include "parser/instruction.h"

#include "parser/text.h"

namespace cooper::parser {
namespace {

const Heredoc* sole_heredoc(const Run& run) {
  if (run.heredocs.size() != 1 || run.command.args.size() != 1) return nullptr;
  const Heredoc& heredoc = run.heredocs.front();
  return trim(run.command.args.front()) == heredoc.word ? &heredoc : nullptr;
}

}  // namespace

std::string_view Origin::keyword() const {
  std::size_t end = 0;
  while (end < text.size() && !is_blank(text[end])) ++end;
  return std::string_view(text).substr(0, end);
}

bool is_sole_heredoc(const Run& run) {
  return sole_heredoc(run) != nullptr;
}

std::string run_text(const Run& run) {
  if (const Heredoc* sole = sole_heredoc(run)) return sole->body;
  std::string text = run.command.args.empty() ? "" : run.command.args.front();
  for (const Heredoc& heredoc : run.heredocs) {
    text += '\n';
    text += heredoc.raw_body;
    text += heredoc.name;
  }
  return text;
}

std::optional<std::pair<std::string, std::string>> run_script(const Run& run) {
  const Heredoc* sole = sole_heredoc(run);
  if (sole == nullptr || !sole->body.starts_with("#!")) return std::nullopt;
  return std::pair(sole->name, sole->body);
}

}  // namespace cooper::parser
