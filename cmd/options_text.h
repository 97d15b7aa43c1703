// The small languages of flag values: sizes, ulimits, hosts, outputs, key=value. Every failure is Error(invalid) that
// quotes the value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/export.h"
#include "builder/sandbox/runner.h"
#include "layers/compression.h"

namespace cooper::cmd {

// One record of CSV: quotes keep commas (OUT-05).
std::vector<std::string> split_csv(std::string_view text, const std::string& what);
std::pair<std::string, std::string> split_key_value(const std::string& text, const std::string& flag);

std::uint64_t parse_size(const std::string& text, const std::string& flag);  // "64m", "1g", bytes
builder::Ulimit parse_ulimit(const std::string& text);                       // "nofile=1024:2048" (RUN-23)
builder::ExtraHost parse_extra_host(const std::string& text);                // "name:address", "name=address"
bool parse_bool(const std::string& text, const std::string& attribute);      // OUT-12
// What an image is to be called. A digest is not for us to give (docker refuses it with the same words).
oci::Reference parse_new_name(const std::string& text);

// -o, rows OUT-02 … OUT-07.
struct OutputFlag {
  builder::Output output;
  bool has_names = false;  // name= was given; otherwise -t names it
  bool into_store = false;  // type=docker without dest: where there is a name, the store is meant, as docker's own
  bool nowhere = false;     // type=cacheonly: nothing is exported, and nothing else is said
  std::optional<layers::CompressionSpec> compression;
};
OutputFlag parse_output(const std::string& text);

}  // namespace cooper::cmd
