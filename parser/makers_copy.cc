#include <set>
#include <string_view>

#include "parser/heredocs.h"
#include "parser/makers.h"

namespace cooper::parser {
namespace {

// COPY-01, HEREDOC-14. The last word is the destination; heredoc words leave the sources.
template <class CopyOrAdd>
void take_paths(CopyOrAdd& out, Statement& statement, std::string_view name) {
  std::vector<std::string> words = std::move(statement.words);
  if (words.size() < 2) {
    throw DockerfileError(cat(name,
                              " requires at least two arguments, but only one was provided. "
                              "Destination could not be determined"));
  }
  std::set<std::string_view> heredoc_words;
  for (const Heredoc& heredoc : statement.heredocs) heredoc_words.insert(heredoc.word);
  const auto is_heredoc = [&](const std::string& word) { return heredoc_words.contains(word); };
  if (is_heredoc(words.back())) {
    throw DockerfileError(cat(name, " cannot accept a heredoc as a destination"));
  }
  out.destination = std::move(words.back());
  words.pop_back();
  std::erase_if(words, is_heredoc);
  out.sources = std::move(words);
  out.heredocs = std::move(statement.heredocs);
  out.chown = statement.flags.value_or_empty("chown");
  out.chmod = statement.flags.value_or_empty("chmod");
  out.link = statement.flags.boolean("link").value_or(false);
  out.excludes = statement.flags.list("exclude");
}

}  // namespace

Instruction make_copy(Statement&& statement) {
  Copy copy;
  take_paths(copy, statement, "COPY");
  copy.from = statement.flags.value_or_empty("from");
  copy.parents = statement.flags.boolean("parents").value_or(false);
  if (copy.from.find('$') != std::string::npos) {  // EXP-22
    throw DockerfileError(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG "
        "from global scope as a "
        "workaround");
  }
  copy.origin = std::move(statement.origin);
  return copy;
}

Instruction make_add(Statement&& statement) {
  Add add;
  take_paths(add, statement, "ADD");
  add.checksum = statement.flags.value_or_empty("checksum");
  add.keep_git_dir = statement.flags.boolean("keep-git-dir");
  add.unpack = statement.flags.boolean("unpack");
  add.origin = std::move(statement.origin);
  return add;
}

}  // namespace cooper::parser
