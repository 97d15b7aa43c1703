// A whole Dockerfile: lines, statements, instructions, findings, the printed tree, and the small
// languages in its words.
#include <string>
#include <variant>
#include <vector>

#include "parser/ast_print.h"
#include "parser/check.h"
#include "parser/dockerfile.h"
#include "parser/excerpt.h"
#include "parser/expand.h"
#include "parser/lines.h"
#include "parser/lint.h"
#include "parser/mount.h"
#include "parser/ports.h"
#include "parser/stop_signal.h"
#include "tests/fuzz/check.h"

namespace cooper::parser {
namespace {

using fuzz::attempt;
using fuzz::require;

template <class Body>
auto attempt_parse(Body body) {
  return attempt<DockerfileError>({Errc::invalid}, body);
}

int count_lines(std::string_view text) {
  const auto newlines = std::count(text.begin(), text.end(), '\n');
  return static_cast<int>(newlines) + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

void check_ranges(const std::vector<SourceRange>& ranges, int lines) {
  for (const SourceRange& range : ranges) {
    require(
        1 <= range.first_line && range.first_line <= range.last_line && range.last_line <= lines,
        "ranges lie in the source");
  }
}

// A wrong Dockerfile is refused with ranges that an excerpt can show.
std::optional<Dockerfile> parse(const std::string& text) {
  try {
    return parse_dockerfile("Dockerfile", text);
  } catch (const DockerfileError& error) {
    require(error.code() == Errc::invalid, "a malformed Dockerfile is invalid input");
    check_ranges(error.ranges(), count_lines(text));
    const bool shown = !source_excerpt("Dockerfile", text, error.ranges()).empty();
    require(shown == !error.ranges().empty(), "an error's lines can be shown");
    return std::nullopt;
  }
}

void check_order(const Dockerfile& file) {
  const int lines = count_lines(file.text);
  int last = 0;
  for (const Instruction& instruction : file.instructions) {
    const SourceRange range = origin_of(instruction).range;
    check_ranges({range}, lines);
    require(range.first_line > last, "instructions follow each other");
    last = range.last_line;
  }
  last = 0;
  Findings findings;
  lint_text(file, findings);
  for (const Diagnostic& finding : findings.sorted()) {
    require(!finding.ranges.empty() && finding.rule != nullptr, "findings have a rule and a place");
    check_ranges(finding.ranges, lines);
    require(finding.ranges.front().first_line >= last, "findings are in line order");
    last = finding.ranges.front().first_line;
  }
}

const std::vector<Heredoc>* heredocs_of(const Instruction& instruction) {
  if (const auto* run = std::get_if<Run>(&instruction)) return &run->heredocs;
  if (const auto* copy = std::get_if<Copy>(&instruction)) return &copy->heredocs;
  if (const auto* add = std::get_if<Add>(&instruction)) return &add->heredocs;
  return nullptr;
}

// One instruction as a source of its own gives the same tree again.
void check_again(const Instruction& instruction, char escape) {
  const Origin& origin = origin_of(instruction);
  if (origin.text.ends_with(escape) || origin.text.size() > kMaxLineBytes)
    return;  // joined lines only
  std::string source = origin.text;
  if (const auto* heredocs = heredocs_of(instruction)) {
    for (const Heredoc& heredoc : *heredocs) source += "\n" + heredoc.raw_body + heredoc.name;
  } else if (std::holds_alternative<Onbuild>(instruction)) {
    source = "ONBUILD " + std::get<Onbuild>(instruction).trigger;
    if (source.substr(0, source.find('\n')).size() > kMaxLineBytes) return;
  }
  require(print_ast(parse_trigger(source, escape), escape) == print_ast(instruction, escape),
          "reading an instruction again changes nothing");
}

// The value says whose it is and holds what the small languages find special.
std::optional<std::string> look_up(std::string_view name) {
  if (name.starts_with('u')) return std::nullopt;
  if (name.starts_with('e')) return "";
  return cat(name, "*/?\\8080-8082 type=cache,target=/");
}

class Words {
 public:
  explicit Words(char escape) : escape_(escape) {}

  void word(const std::string& text) const {
    attempt_parse([&] { return expand_word(text, escape_, look_up); });
    referenced_names(text, escape_);
  }
  void operator()(const From& from) const {
    word(from.image);
    word(from.platform);
  }
  void operator()(const Arg& arg) const {
    for (const Arg::Entry& entry : arg.entries) word(entry.value.value_or(""));
  }
  void operator()(const Env& env) const { pairs(env.entries); }
  void operator()(const Label& label) const { pairs(label.entries); }
  void operator()(const Run& run) const {
    const MountExpander expand = [&](const std::string& value) {
      return expand_word(value, escape_, look_up);
    };
    for (const std::string& mount : run.mounts)
      attempt_parse([&] { return parse_mount(mount, expand); });
    if (run.command.shell_form) run_text(run);
    require(!run_script(run) || run.heredocs.size() == 1, "a script is a sole heredoc");
    heredocs(run.heredocs);
  }
  void operator()(const Copy& copy) const {
    for (const std::string& source : copy.sources) word(source);
    word(copy.destination);
    heredocs(copy.heredocs);
  }
  void operator()(const Add& add) const {
    for (const std::string& source : add.sources) word(source);
    word(add.destination);
    heredocs(add.heredocs);
  }
  void operator()(const Expose& expose) const {
    for (const std::string& text : expose.ports) {
      const auto ports = attempt_parse([&] { return expand_words(text, escape_, look_up); });
      for (const std::string& port : ports.value_or(std::vector<std::string>{}))
        attempt_parse([&] { return parse_ports(port); });
    }
  }
  void operator()(const Stopsignal& stop) const {
    attempt_parse([&] {
      check_stop_signal(expand_word(stop.signal, escape_, look_up));
      return true;
    });
  }
  void operator()(const Onbuild& onbuild) const {
    attempt_parse([&] { return parse_trigger(onbuild.trigger, escape_); });
  }
  void operator()(const Volume& volume) const {
    for (const std::string& path : volume.paths) word(path);
  }
  void operator()(const Workdir& workdir) const { word(workdir.path); }
  void operator()(const User& user) const { word(user.user); }
  void operator()(const auto& literal) const {
    require(!literal.origin.keyword().empty(), "a keyword");
  }

 private:
  void pairs(const std::vector<KeyValue>& entries) const {
    for (const KeyValue& entry : entries) {
      word(entry.key);
      word(entry.value);
    }
  }
  void heredocs(const std::vector<Heredoc>& heredocs) const {
    for (const Heredoc& heredoc : heredocs) {
      require(!heredoc.name.empty() && heredoc.body.size() <= heredoc.raw_body.size(),
              "a body with a name");
      attempt_parse([&] { return expand_heredoc(heredoc.body, look_up); });
    }
  }

  char escape_;
};

}  // namespace
}  // namespace cooper::parser

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::parser;
  const std::string text(cooper::fuzz::text_of(data, size));
  find_syntax(text);
  const auto file = parse(text);
  if (!file) return 0;
  check_order(*file);
  attempt_parse([&] { return parse_check(file->directives.check); });
  const std::string tree = print_ast(*file);
  cooper::fuzz::require(static_cast<std::size_t>(count_lines(tree)) == file->instructions.size(),
                        "the printed tree has a line for each instruction");
  for (const Instruction& instruction : file->instructions) {
    check_again(instruction, file->escape);
    std::visit(Words(file->escape), instruction);
  }
  return 0;
}
