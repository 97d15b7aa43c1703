// The image model: manifest, index, configuration (image-spec manifest.md, image-index.md,
// config.md) as plain values with strict JSON. Parsing refuses wrong types and missing required
// members with Error(corrupt) naming the member; unknown members are ignored. Printing is
// deterministic.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/descriptor.h"

namespace cooper::oci {

struct Manifest {
  std::string media_type{kManifestType};
  Descriptor config;
  std::vector<Descriptor> layers;
  Annotations annotations;
  std::string artifact_type;
  std::optional<Descriptor> subject;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

struct Index {
  std::string media_type{kIndexType};
  std::vector<Descriptor> manifests;
  Annotations annotations;
  friend bool operator==(const Index&, const Index&) = default;
};

struct Healthcheck {  // durations in nanoseconds, 0: the runtime's default and absent from JSON
  std::vector<std::string> test;
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t start_interval_ns = 0;
  int retries = 0;
  friend bool operator==(const Healthcheck&, const Healthcheck&) = default;
};

struct HistoryEntry {
  std::string created;  // RFC 3339, "" when unknown
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};

struct ImageConfig {
  // -- the runtime part ("config") --
  std::string user;
  std::vector<std::string> env;  // "K=V", in order
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::set<std::string> volumes;
  std::string stop_signal;
  std::optional<std::vector<std::string>> shell;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> on_build;
  bool args_escaped = false;
  // -- the image part --
  Platform platform;
  std::string author;
  std::string created;  // RFC 3339, "" when unknown
  std::vector<DiffId> diff_ids;
  std::vector<HistoryEntry> history;
  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

Manifest parse_manifest(std::string_view json, const std::string& name);
Index parse_index(std::string_view json, const std::string& name);
ImageConfig parse_config(std::string_view json, const std::string& name);
std::string to_json(const Manifest& manifest);
std::string to_json(const Index& index);
std::string to_json(const ImageConfig& config);

// RFC 3339 UTC, whole seconds unless nanoseconds are given: "2024-01-02T03:04:05Z".
std::string format_time(std::int64_t seconds, std::uint32_t nanoseconds = 0);
// nullopt on text that is no RFC 3339 time. Offsets are applied.
std::optional<std::pair<std::int64_t, std::uint32_t>> parse_time(std::string_view text);

}  // namespace cooper::oci
