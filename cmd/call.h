// `--call`: what is asked of a Dockerfile, and how the answer looks (rows CALL-*).
#pragma once

#include <string>

namespace cooper::cmd {

struct Call {
  enum class Kind { build, plan, check, outline, targets };
  enum class Format { text, json, sarif, dot };
  Kind kind = Kind::build;
  Format format = Format::text;

  // Answered from the Dockerfile and its bases' configs; nothing runs, nothing is exported.
  bool is_question() const { return kind == Kind::check || kind == Kind::outline || kind == Kind::targets; }
};

// "check", "lint,format=json", "plan,dot". Error(invalid) for another method or a format it does not have.
Call parse_call(const std::string& text);

}  // namespace cooper::cmd
