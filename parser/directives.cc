#include "parser/directives.h"

#include <array>
#include <optional>
#include <set>

#include "parser/json_text.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

struct Directive {
  std::string key;
  std::string_view value;
  int line = 0;
};

constexpr std::array<std::string_view, 3> kKeys = {"syntax", "escape", "check"};

bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "# key = value" with a known key; marker is "#" or "//".
std::optional<Directive> read_line(std::string_view line, std::string_view marker) {
  line = trim(line);
  if (!line.starts_with(marker)) return std::nullopt;
  line = trim_left(line.substr(marker.size()));
  const Cut parts = cut(line, '=');
  const std::string_view key = trim(parts.before);
  const std::string_view value = trim(parts.after);
  if (!parts.found || key.empty() || value.empty() || is_digit(key.front())) return std::nullopt;
  for (const char c : key) {
    if (!is_alphanumeric(c)) return std::nullopt;
  }
  Directive directive{to_lower(key), value};
  for (const auto known : kKeys) {
    if (directive.key == known) return directive;
  }
  return std::nullopt;
}

// Calls take(directive) for each line of the block at the top of text.
template <class Take>
void each_directive(std::string_view text, std::string_view marker, int first_line, Take take) {
  for (int line = first_line; !text.empty(); ++line) {
    const Cut lines = cut(text, '\n');
    auto directive = read_line(lines.before, marker);
    if (!directive) return;
    directive->line = line;
    take(*directive);
    text = lines.after;
  }
}

struct Head {
  std::string_view text;
  int first_line = 1;
};

Head behind_shebang(std::string_view text) {
  if (!text.starts_with("#!")) return {text, 1};
  return {cut(text, '\n').after, 2};
}

std::string first_word(std::string_view value) {
  return std::string(cut(value, ' ').before);
}

void fill_from(Directives& directives, std::string_view text, std::string_view marker) {
  const Head head = behind_shebang(text);
  each_directive(head.text, marker, head.first_line, [&](const Directive& found) {
    const SourceRange range{found.line, found.line};
    if (found.key == "syntax" && directives.syntax.empty()) {
      directives.syntax = first_word(found.value);
      directives.syntax_range = range;
    } else if (found.key == "check" && directives.check.empty() && marker == "#") {
      directives.check = found.value;
      directives.check_range = range;
    }
  });
}

}  // namespace

std::string_view without_bom(std::string_view text) {
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
  return text;
}

DirectiveBlock read_directives(std::string_view text) {
  DirectiveBlock block;
  std::set<std::string> seen;
  each_directive(text, "#", 1, [&](const Directive& found) {
    const SourceRange range{found.line, found.line};
    if (!seen.insert(found.key).second) {
      throw DockerfileError(cat("only one ", found.key, " parser directive can be used"), {range});
    }
    if (found.key == "escape") {
      if (found.value != "\\" && found.value != "`") {
        throw DockerfileError(
            cat("invalid escape token '", found.value, "' does not match ` or \\"), {range});
      }
      block.directives.escape = found.value.front();
    }
    block.lines = found.line;
  });
  fill_from(block.directives, text, "#");
  return block;
}

std::string find_syntax(std::string_view text) {
  text = without_bom(text);
  Directives directives;
  fill_from(directives, text, "#");
  if (directives.syntax.empty()) fill_from(directives, text, "//");
  if (!directives.syntax.empty()) return directives.syntax;
  return find_json_member(behind_shebang(text).text, "syntax").value_or("");
}

}  // namespace cooper::parser
