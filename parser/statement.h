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
  Origin origin;     // words and json filled by split_arguments()
  std::string rest;  // arguments as one text, trimmed
  std::vector<Heredoc> heredocs;
  char escape = '\\';
  Flags flags;
  bool legacy_pair = false;  // ENV-02
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

// Fills origin.words and origin.json from rest. Throws DockerfileError.
void split_arguments(ArgumentForm form, Statement& statement);

// keyword, flags and rest of a logical line.
Statement open_statement(std::string_view line, char escape);

}  // namespace cooper::parser
