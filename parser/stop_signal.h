// STOPSIGNAL values (STOP-01), after expansion.
#pragma once

#include <string_view>

namespace cooper::parser {

// Name with or without SIG in any case, RTMIN+n, RTMAX-n, or a number except 0. Throws
// DockerfileError "invalid signal: x".
void check_stop_signal(std::string_view text);

}  // namespace cooper::parser
