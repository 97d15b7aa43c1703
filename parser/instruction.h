// The instructions of a Dockerfile as plain values.
//
// Nothing here is expanded: every member that rows EXP-17 names holds the text as written, quotes
// and escapes included, and goes through parser/expand.h once the stage's environment is known.
// Members marked "literal" are final.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "parser/source.h"

namespace cooper::parser {

// What every instruction remembers of its text.
struct Origin {
  std::string
      text;  // logical line: keyword, flags, arguments; continuations joined, no heredoc bodies
  SourceRange range;  // heredoc bodies included (ERR-02)
  std::vector<std::string>
      comments;  // comment lines right above, without '#' and blanks (CALL-05, CHECK-26)

  std::string_view keyword() const;  // as typed: "RUN", "fRoM"
};

// A here-document (rows HEREDOC-*). `body` is what a file made of it holds; every line keeps its
// newline.
struct Heredoc {
  std::string word;         // as it stands in the line: <<-"EOF", 3<<EOF
  std::string name;         // delimiter without quotes
  int fd = 0;               // 0 unless a number stands before "<<"
  bool expand = true;       // false if any part of the delimiter was quoted (HEREDOC-03)
  bool strip_tabs = false;  // "<<-"
  std::string body;         // leading tabs gone for "<<-"
  std::string raw_body;     // as in the file
};

// Shell or exec form. Shell form: exactly one argument, the text (may be empty). Literal (EXP-18).
struct Command {
  bool shell_form = true;
  std::vector<std::string> args;
};

struct KeyValue {
  std::string key;
  std::string value;
};

struct From {
  Origin origin;
  std::string image;
  std::string platform;  // "" if the flag is absent
  bool has_platform = false;
  std::string stage;          // literal, lower-cased (FROM-02); "" if unnamed
  std::string stage_written;  // literal
  std::string as_written;     // "AS" as typed
};

struct Arg {
  struct Entry {
    std::string name;
    std::optional<std::string> value;  // ARG-07: "X=" is an empty value, "X" none
  };
  Origin origin;
  std::vector<Entry> entries;
};

struct Env {
  Origin origin;
  std::vector<KeyValue> entries;
  bool legacy = false;  // ENV-02: "ENV key value"
};

struct Label {
  Origin origin;
  std::vector<KeyValue> entries;
  bool legacy = false;
};

struct Maintainer {
  Origin origin;
  std::string name;  // literal
};

enum class NetworkMode { standard, none, host };  // RUN --network (RUN-17)
enum class SecurityMode { sandbox, insecure };    // RUN --security (RUN-18)

// RUN --device=name[,required] (RUN-19). Literal.
struct Device {
  std::string name;
  bool required = false;
};

struct Run {
  Origin origin;
  Command command;  // with heredocs: see run_text()
  std::vector<Heredoc> heredocs;
  std::vector<std::string>
      mounts;  // flag values; parse_mount() in parser/mount.h after expansion (MNT-07)
  NetworkMode network = NetworkMode::standard;
  SecurityMode security = SecurityMode::sandbox;
  std::vector<Device> devices;
};

// `RUN <<EOF` and nothing else.
bool is_sole_heredoc(const Run& run);
// The one argument for the shell: the command, or the body of a sole heredoc (HEREDOC-08), or line
// and bodies put back together (HEREDOC-10). Precondition: shell form.
std::string run_text(const Run& run);
// HEREDOC-09: a sole heredoc whose body starts with "#!": file name and content. Otherwise nullopt.
std::optional<std::pair<std::string, std::string>> run_script(const Run& run);

struct Copy {
  Origin origin;
  std::vector<std::string> sources;  // paths only
  std::vector<Heredoc> heredocs;  // written among the sources; applied after the paths (HEREDOC-14)
  std::string destination;
  std::string from;  // literal: stage, number, named context or image (EXP-22)
  std::string chown;
  std::string chmod;
  bool link = false;
  bool parents = false;
  std::vector<std::string> excludes;  // literal
};

struct Add {
  Origin origin;
  std::vector<std::string> sources;
  std::vector<Heredoc> heredocs;
  std::string destination;
  std::string chown;
  std::string chmod;
  std::string checksum;
  bool link = false;
  std::vector<std::string> excludes;  // literal
  std::optional<bool> keep_git_dir;
  std::optional<bool> unpack;
};

struct Workdir {
  Origin origin;
  std::string path;
};

struct User {
  Origin origin;
  std::string user;
};

struct Cmd {
  Origin origin;
  Command command;  // exec form may be empty: CMD [] (CMD-05)
};

struct Entrypoint {
  Origin origin;
  Command command;
};

struct Shell {
  Origin origin;
  std::vector<std::string> shell;  // literal
};

// Durations in nanoseconds, absent if the option was not given or is zero (HEALTH-03, HEALTH-04).
struct Healthcheck {
  Origin origin;
  std::vector<std::string> test;  // literal: {"NONE"}, {"CMD", ...}, {"CMD-SHELL", text}
  std::optional<std::int64_t> interval_ns;
  std::optional<std::int64_t> timeout_ns;
  std::optional<std::int64_t> start_period_ns;
  std::optional<std::int64_t> start_interval_ns;
  std::optional<int> retries;
};

struct Onbuild {
  Origin origin;
  std::string trigger;  // raw text with heredoc bodies and terminators: parse_trigger() reads it
                        // again (EXP-19)
};

struct Volume {
  Origin origin;
  std::vector<std::string> paths;
};

struct Expose {
  Origin origin;
  std::vector<std::string>
      ports;  // sorted as strings (EXPOSE-04); parse_ports() in parser/ports.h after expansion
};

struct Stopsignal {
  Origin origin;
  std::string signal;  // check_stop_signal() in parser/stop_signal.h after expansion
};

using Instruction =
    std::variant<From, Arg, Env, Label, Maintainer, Run, Copy, Add, Workdir, User, Cmd, Entrypoint,
                 Shell, Healthcheck, Onbuild, Volume, Expose, Stopsignal>;

inline const Origin& origin_of(const Instruction& instruction) {
  return std::visit([](const auto& any) -> const Origin& { return any.origin; }, instruction);
}

}  // namespace cooper::parser
