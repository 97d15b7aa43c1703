#include "builder/sandbox/network_files.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/error.h"

namespace cooper::builder {
namespace {

constexpr const char* kResolvedStub = "127.0.0.53";
constexpr const char* kPublicServers[] = {"8.8.8.8", "8.8.4.4", "2001:4860:4860::8888",
                                          "2001:4860:4860::8844"};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    lines.push_back(text.substr(0, newline));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  }
  return lines;
}

// The address of a "nameserver" line; "" for any other line, resolv.conf(5).
std::string_view server_of(std::string_view line) {
  constexpr std::string_view kBlank = " \t";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  constexpr std::string_view kKeyword = "nameserver";
  if (!line.starts_with(kKeyword)) return {};
  line.remove_prefix(kKeyword.size());
  const std::size_t start = line.find_first_not_of(kBlank);
  if (start == 0 || start == std::string_view::npos) return {};
  line.remove_prefix(start);
  return line.substr(0, line.find_first_of(" \t#;"));
}

std::vector<std::string_view> servers_of(std::string_view text) {
  std::vector<std::string_view> servers;
  for (const std::string_view line : lines_of(text)) {
    if (const auto server = server_of(line); !server.empty()) servers.push_back(server);
  }
  return servers;
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::1%");
}

// A loopback server of the host is not reachable from another network namespace.
std::string without_loopback_servers(std::string_view text) {
  std::string kept;
  for (const std::string_view line : lines_of(text)) {
    if (!is_loopback(server_of(line))) kept.append(line).append("\n");
  }
  if (!servers_of(kept).empty()) return kept;
  for (const char* server : kPublicServers) kept += cat("nameserver ", server, "\n");
  return kept;
}

std::string read_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string hosts_text(const std::string& hostname, const std::vector<ExtraHost>& extra_hosts) {
  std::string text =
      cat("127.0.0.1\tlocalhost ", hostname, "\n", "::1\tlocalhost ip6-localhost ip6-loopback\n");
  for (const ExtraHost& host : extra_hosts) text += cat(host.address, "\t", host.name, "\n");
  return text;
}

std::string resolv_conf_text(std::string_view host_text, std::string_view upstream_text,
                             Network network) {
  const auto servers = servers_of(host_text);
  if (network == Network::host && !servers.empty()) return std::string(host_text);
  const bool only_stub = servers.size() == 1 && servers.front() == kResolvedStub;
  return without_loopback_servers(only_stub && !upstream_text.empty() ? upstream_text : host_text);
}

std::string read_resolv_conf(Network network) {
  return resolv_conf_text(read_text("/etc/resolv.conf"),
                          read_text("/run/systemd/resolve/resolv.conf"), network);
}

}  // namespace cooper::builder
