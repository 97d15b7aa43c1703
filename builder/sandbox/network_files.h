// The generated /etc/hosts and /etc/resolv.conf of a step (RUN-08 … RUN-10). Private to the
// sandbox.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/sandbox/runner.h"

namespace cooper::builder {

std::string hosts_text(const std::string& hostname, const std::vector<ExtraHost>& extra_hosts);

// host_text: the host's /etc/resolv.conf; upstream_text: systemd-resolved's own list, "" if none.
std::string resolv_conf_text(std::string_view host_text, std::string_view upstream_text,
                             Network network);
// The same from the machine's files.
std::string read_resolv_conf(Network network);

}  // namespace cooper::builder
