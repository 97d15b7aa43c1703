// One record of comma-separated values (RFC 4180), as used by --mount and --device.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

// A field in double quotes keeps its commas; "" inside stands for one quote. Throws DockerfileError
// on stray quotes and on an empty record.
std::vector<std::string> split_csv(std::string_view text);

}  // namespace cooper::parser
