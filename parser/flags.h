// Instruction flags (rows LEX-13 ... LEX-16).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

struct LexedFlags {
  std::vector<std::string> flags;  // "--name" or "--name=value", unquoted
  std::string_view rest;           // trimmed; points into the text
};

// Takes the leading "--" words off the text that follows a keyword.
LexedFlags lex_flags(std::string_view text, char escape);

enum class FlagKind { boolean, value, list };

struct FlagSpec {
  std::string_view name;
  FlagKind kind;
};

// The flags of one instruction, checked against its specs. Asking for a name that has no spec is a
// programming error and answers "absent".
class Flags {
 public:
  Flags() = default;
  // Throws DockerfileError: unknown, duplicate, missing value, not boolean. The specs' names must
  // outlive this.
  Flags(const std::vector<std::string>& lexed, std::span<const FlagSpec> specs);

  std::optional<std::string> value(std::string_view name) const;
  std::string value_or_empty(std::string_view name) const { return value(name).value_or(""); }
  std::optional<bool> boolean(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;

 private:
  struct Given {
    std::string_view name;  // of its FlagSpec, which outlives us
    std::string value;
  };
  const Given* find(std::string_view name) const;

  std::vector<Given> given_;  // in order: an instruction has few
};

}  // namespace cooper::parser
