// EXPOSE arguments (rows EXPOSE-*), after expansion and splitting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

struct ExposedPorts {
  std::vector<std::string> ports;  // "8080/tcp", one by one for ranges
  bool has_host_part = false;  // ip:host:container; the host part was dropped (ExposeInvalidFormat)
  bool odd_protocol_case = false;  // "TcP" (ExposeProtoCasing)
};

// Throws DockerfileError: "invalid containerPort", "invalid proto", "invalid ranges specified"
// (EXPOSE-03).
ExposedPorts parse_ports(std::string_view word);

}  // namespace cooper::parser
