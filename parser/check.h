// The `check` directive and its per-instruction form (rows DIR-08, CHECK-24, CHECK-26).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

struct CheckOptions {
  std::vector<std::string> skip;  // rule names, case-sensitive
  bool skip_all = false;
  std::vector<std::string> experimental;
  bool experimental_all = false;
  bool error = false;  // findings fail the build (CHECK-25)
};

// "skip=A,B;error=true;experimental=C". Throws DockerfileError "invalid check option".
CheckOptions parse_check(std::string_view text);

bool skips(const CheckOptions& options, std::string_view rule);

// What comment lines above an instruction say: "check=skip=A". A malformed one counts as an
// ordinary comment.
CheckOptions check_of_comments(const std::vector<std::string>& comments);

}  // namespace cooper::parser
