#include "parser/ports.h"

#include <array>
#include <optional>

#include "parser/source.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

constexpr unsigned long kLastPort = 65535;

struct PortRange {
  unsigned long first;
  unsigned long last;
};

std::optional<PortRange> read_range(std::string_view text) {
  const Cut ends = cut(text, '-');
  const auto first = to_number(ends.before, 10, kLastPort);
  if (!first) return std::nullopt;
  if (!ends.found) return PortRange{*first, *first};
  const auto last = to_number(ends.after, 10, kLastPort);
  if (!last || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

// "" means tcp.
bool is_protocol(std::string_view lower) {
  constexpr std::array<std::string_view, 4> kProtocols = {"", "tcp", "udp", "sctp"};
  for (const auto known : kProtocols) {
    if (lower == known) return true;
  }
  return false;
}

bool is_dotted_quad(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return false;
  for (const auto part : parts) {
    if (part.size() > 3 || !to_number(part, 10, 255)) return false;
  }
  return true;
}

// Not a full check of IPv6: the address is dropped anyway, this only catches what is no address at
// all.
bool is_address(std::string_view text) {
  if (text.empty() || is_dotted_quad(text)) return true;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (text.find(':') == std::string_view::npos) return false;
  return text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

struct HostPart {
  std::string_view address;
  std::string_view ports;
};

// [ip:]host:container, from the right.
HostPart cut_host_part(std::string_view word, std::string_view& container) {
  HostPart host;
  const std::size_t last = word.rfind(':');
  container = word.substr(last == std::string_view::npos ? 0 : last + 1);
  if (last == std::string_view::npos) return host;
  const std::string_view front = word.substr(0, last);
  const std::size_t middle = front.rfind(':');
  host.ports = front.substr(middle == std::string_view::npos ? 0 : middle + 1);
  if (middle != std::string_view::npos) host.address = front.substr(0, middle);
  return host;
}

void check_host_part(const HostPart& host, std::string_view container, const PortRange& ports) {
  if (!is_address(host.address)) throw DockerfileError(cat("invalid IP address: ", host.address));
  if (host.ports.empty()) return;
  const auto range = read_range(host.ports);
  if (!range) throw DockerfileError(cat("invalid hostPort: ", host.ports));
  const bool equal = range->last - range->first == ports.last - ports.first;
  if (!equal && ports.last != ports.first) {
    throw DockerfileError(cat("invalid ranges specified for container and host Ports: ", container,
                              " and ", host.ports));
  }
}

}  // namespace

ExposedPorts parse_ports(std::string_view word) {
  ExposedPorts exposed;
  std::string_view container;
  const HostPart host = cut_host_part(word, container);
  const Cut parts = cut(container, '/');
  const std::string protocol = to_lower(parts.after);
  if (!is_protocol(protocol)) {
    throw DockerfileError(cat("invalid port: ", quoted(word), ": invalid proto: ", parts.after));
  }
  const auto range = read_range(parts.before);
  if (!range)
    throw DockerfileError(
        cat("invalid containerPort: ", quoted(parts.before), " in ", quoted(word)));
  check_host_part(host, parts.before, *range);
  exposed.has_host_part = !host.address.empty() || !host.ports.empty();
  exposed.odd_protocol_case = protocol != parts.after;
  for (unsigned long port = range->first; port <= range->last; ++port) {
    exposed.ports.push_back(
        std::to_string(port).append("/").append(protocol.empty() ? "tcp" : protocol));
  }
  return exposed;
}

}  // namespace cooper::parser
