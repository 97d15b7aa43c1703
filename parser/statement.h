// One instruction between lexing and its typed form, and the table of all instructions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/flags.h"
#include "parser/instruction.h"

namespace cooper::parser {

struct Statement {
  Origin origin;
  std::size_t rest_begin = 0;              // in the origin's text
  std::vector<std::string> written_flags;  // "--name=value", quotes removed
  // Filled by split_arguments().
  std::vector<std::string> words;
  bool json = false;         // the arguments were a JSON array
  bool legacy_pair = false;  // ENV-02
  // Filled by the reader.
  std::vector<Heredoc> heredocs;
  char escape = '\\';
  Flags flags;

  // Arguments as one text, trimmed.
  std::string_view rest() const { return std::string_view(origin.text).substr(rest_begin); }
};

// How the arguments become words.
enum class ArgumentForm {
  blanks,        // FROM, EXPOSE: separated by blanks
  json_or_list,  // VOLUME, COPY, ADD: JSON array, else separated by blanks; a heredoc is one word
  json_or_line,  // RUN, CMD, ENTRYPOINT, SHELL: JSON array, else one word
  one_line,      // WORKDIR, USER, STOPSIGNAL, MAINTAINER: one word (LEX-20)
  quoted_words,  // ARG
  pairs,         // ENV, LABEL: key, value, key, value
  health,        // HEALTHCHECK: a word, then json_or_line
  trigger,       // ONBUILD: one word
};

enum class FlagUse {
  checked,
  ignored,      // LEX-17
  unless_none,  // HEALTHCHECK NONE (LEX-17)
};

enum class Heredocs { no, yes, of_trigger };

struct InstructionRule {
  std::string_view keyword;  // upper case
  ArgumentForm form;
  Heredocs heredocs;
  FlagUse flag_use;
  std::span<const FlagSpec> flags;
  Instruction (*make)(Statement&& statement);
};

// nullptr if unknown. Any case (LEX-01).
const InstructionRule* find_rule(std::string_view keyword);
// Throws "unknown instruction: X (did you mean Y?)" (LEX-12).
[[noreturn]] void fail_unknown(std::string_view keyword);

// From rest. Throws DockerfileError.
void split_arguments(ArgumentForm form, Statement& statement);

// keyword, flags and rest of a logical line.
Statement open_statement(std::string line, char escape);

}  // namespace cooper::parser
