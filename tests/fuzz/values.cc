// The small languages in single words: --mount and CSV, ports, signals, durations, booleans,
// wildcards, check options.
#include <array>
#include <string>
#include <vector>

#include "parser/check.h"
#include "parser/csv.h"
#include "parser/duration.h"
#include "parser/glob.h"
#include "parser/mount.h"
#include "parser/ports.h"
#include "parser/source.h"
#include "parser/stop_signal.h"
#include "tests/fuzz/check.h"

namespace cooper::parser {
namespace {

using fuzz::attempt;
using fuzz::require;

template <class Body>
auto refusing(Body body) {
  return attempt<DockerfileError>({Errc::invalid}, body);
}

// As RFC 4180 writes it, with every field in quotes.
std::string quoted_csv(const std::vector<std::string>& fields) {
  std::string out;
  for (const std::string& field : fields) {
    out += out.empty() ? "\"" : ",\"";
    for (const char c : field) out.append(c == '"' ? 2 : 1, c);
    out += '"';
  }
  return out;
}

void check_mounts(std::string_view text) {
  const auto fields = refusing([&] { return split_csv(text); });
  require(!fields || split_csv(quoted_csv(*fields)) == *fields,
          "written and split again, the same");
  const auto same = [](const std::string& value) { return value; };
  const auto mount = refusing([&] { return parse_mount(text, same); });
  if (!mount) return;
  require(fields.has_value(), "a mount is CSV");
  require(check_mount(text) == mount->from, "`from` is seen early as it is in the end");
  require(parse_mount(quoted_csv(*fields), same) == *mount, "quotes change nothing");
}

void check_ports(std::string_view text) {
  const auto ports = refusing([&] { return parse_ports(text); });
  if (!ports) return;
  require(!ports->ports.empty() && ports->ports.size() <= 65536, "a range of ports is bounded");
  for (const std::string& port : {ports->ports.front(), ports->ports.back()})
    require(parse_ports(port).ports == std::vector<std::string>{port}, "a port stands for itself");
}

// Once for each half of the text: pattern, newline, path.
void check_glob(std::string_view text) {
  const std::string_view pattern = fuzz::take_until(text, '\n');
  for (const auto stars : {Stars::shallow, Stars::deep}) {
    const auto glob = attempt({Errc::invalid}, [&] { return Glob(pattern, stars); });
    if (!glob) continue;
    const bool matches = glob->matches(text);
    if (!has_wildcard(pattern))
      require(matches == (unescape_glob(pattern) == text), "plain text matches itself");
    const bool at_once = stars == Stars::deep ? glob_match_deep(std::string(pattern), std::string(text))
                                              : glob_match(std::string(pattern), std::string(text));
    require(matches == at_once, "asked at once, the answer is the same");
  }
}

}  // namespace
}  // namespace cooper::parser

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::parser;
  const std::string_view text = cooper::fuzz::text_of(data, size);
  check_mounts(text);
  check_ports(text);
  check_glob(text);
  refusing([&] { return parse_check(text); });
  refusing([&] {
    check_stop_signal(text);
    return true;
  });
  const auto duration = parse_duration(text);
  if (duration && !text.starts_with('-') && !text.starts_with('+'))
    require(parse_duration("-" + std::string(text)) == -*duration, "a sign changes the sign only");
  return 0;
}
