// Image configurations as JSON (image-spec config.md, and Docker's additions to "config").
//
// Printing follows the member order of the Go programs that write most images, and leaves empty
// members out as they do: an empty Cmd and an absent one are the same to every runtime.
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "oci/image.h"
#include "oci/json_value.h"

namespace cooper::oci {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::optional<std::vector<std::string>> read_words(const JsonCursor& owner,
                                                   std::string_view member) {
  const auto found = owner.find(member);
  if (!found) return std::nullopt;
  return found->strings();
}

// {"80/tcp": {}}: a set written as an object.
std::set<std::string> read_set(const JsonCursor& owner, std::string_view member) {
  std::set<std::string> result;
  if (const auto found = owner.find(member)) {
    for (const auto& [key, value] : found->members()) result.insert(key);
  }
  return result;
}

bool read_flag(const JsonCursor& owner, std::string_view member) {
  const auto found = owner.find(member);
  return found && found->boolean();
}

std::int64_t read_number(const JsonCursor& owner, std::string_view member) {
  const auto found = owner.find(member);
  return found ? found->integer() : 0;
}

// Times are kept as written, so that history inherited from a base stays unchanged (FROM-19).
std::string read_time(const JsonCursor& owner, std::string_view member) {
  const auto found = owner.find(member);
  if (!found) return {};
  if (!parse_time(found->text())) found->fail("must be an RFC 3339 time");
  return found->text();
}

Healthcheck read_healthcheck(const JsonCursor& cursor) {
  Healthcheck check;
  check.test = cursor.strings_or_empty("Test");
  check.interval_ns = read_number(cursor, "Interval");
  check.timeout_ns = read_number(cursor, "Timeout");
  check.start_period_ns = read_number(cursor, "StartPeriod");
  check.start_interval_ns = read_number(cursor, "StartInterval");
  const std::int64_t retries = read_number(cursor, "Retries");
  if (retries < 0 || retries > std::numeric_limits<int>::max()) {
    cursor.at("Retries").fail("is out of range");
  }
  check.retries = static_cast<int>(retries);
  return check;
}

void read_runtime_part(const JsonCursor& cursor, ImageConfig& config) {
  config.user = cursor.text_or_empty("User");
  config.env = cursor.strings_or_empty("Env");
  config.entrypoint = read_words(cursor, "Entrypoint");
  config.cmd = read_words(cursor, "Cmd");
  config.working_dir = cursor.text_or_empty("WorkingDir");
  if (const auto labels = cursor.find("Labels")) {
    for (const auto& [key, value] : labels->members()) {
      config.labels.insert_or_assign(key, value.text());
    }
  }
  config.exposed_ports = read_set(cursor, "ExposedPorts");
  config.volumes = read_set(cursor, "Volumes");
  config.stop_signal = cursor.text_or_empty("StopSignal");
  config.shell = read_words(cursor, "Shell");
  if (const auto check = cursor.find("Healthcheck")) config.healthcheck = read_healthcheck(*check);
  config.on_build = cursor.strings_or_empty("OnBuild");
  config.args_escaped = read_flag(cursor, "ArgsEscaped");
}

HistoryEntry read_history(const JsonCursor& cursor) {
  HistoryEntry entry;
  entry.created = read_time(cursor, "created");
  entry.created_by = cursor.text_or_empty("created_by");
  entry.author = cursor.text_or_empty("author");
  entry.comment = cursor.text_or_empty("comment");
  entry.empty_layer = read_flag(cursor, "empty_layer");
  return entry;
}

std::vector<DiffId> read_diff_ids(const JsonCursor& rootfs) {
  const JsonCursor type = rootfs.at("type");
  if (type.text() != "layers") type.fail("must be \"layers\"");
  std::vector<DiffId> result;
  const auto diff_ids = rootfs.find("diff_ids");  // null for an image without layers
  if (!diff_ids) return result;
  for (const JsonCursor& diff_id : diff_ids->elements()) {
    try {
      result.push_back(DiffId::parse(diff_id.text()));
    } catch (const Error& error) {
      if (error.code() != Errc::invalid) throw;
      diff_id.fail(cat("is damaged: ", error.message()));
    }
  }
  return result;
}

void put_text(OrderedJson& json, const char* member, const std::string& text) {
  if (!text.empty()) json[member] = text;
}

void put_words(OrderedJson& json, const char* member,
               const std::optional<std::vector<std::string>>& words) {
  if (words && !words->empty()) json[member] = *words;
}

void put_number(OrderedJson& json, const char* member, std::int64_t number) {
  if (number != 0) json[member] = number;
}

void put_set(OrderedJson& json, const char* member, const std::set<std::string>& values) {
  if (values.empty()) return;
  OrderedJson object = OrderedJson::object();
  for (const std::string& value : values) object[value] = OrderedJson::object();
  json[member] = std::move(object);
}

OrderedJson write_healthcheck(const Healthcheck& check) {
  OrderedJson json = OrderedJson::object();
  if (!check.test.empty()) json["Test"] = check.test;
  put_number(json, "Interval", check.interval_ns);
  put_number(json, "Timeout", check.timeout_ns);
  put_number(json, "StartPeriod", check.start_period_ns);
  put_number(json, "StartInterval", check.start_interval_ns);
  put_number(json, "Retries", check.retries);
  return json;
}

OrderedJson write_runtime_part(const ImageConfig& config) {
  OrderedJson json = OrderedJson::object();
  put_text(json, "User", config.user);
  put_set(json, "ExposedPorts", config.exposed_ports);
  put_words(json, "Env", config.env);
  put_words(json, "Entrypoint", config.entrypoint);
  put_words(json, "Cmd", config.cmd);
  put_set(json, "Volumes", config.volumes);
  put_text(json, "WorkingDir", config.working_dir);
  if (!config.labels.empty()) json["Labels"] = config.labels;
  put_text(json, "StopSignal", config.stop_signal);
  if (config.args_escaped) json["ArgsEscaped"] = true;
  if (config.healthcheck) json["Healthcheck"] = write_healthcheck(*config.healthcheck);
  put_words(json, "OnBuild", config.on_build);
  put_words(json, "Shell", config.shell);
  return json;
}

OrderedJson write_history(const HistoryEntry& entry) {
  OrderedJson json = OrderedJson::object();
  put_text(json, "created", entry.created);
  put_text(json, "created_by", entry.created_by);
  put_text(json, "author", entry.author);
  put_text(json, "comment", entry.comment);
  if (entry.empty_layer) json["empty_layer"] = true;
  return json;
}

}  // namespace

ImageConfig parse_config(std::string_view json, const std::string& name) {
  const JsonValue value = parse_json(json, name);
  const JsonCursor root(value, name);
  ImageConfig config;
  config.created = read_time(root, "created");
  config.author = root.text_or_empty("author");
  config.platform.architecture = root.at("architecture").text();
  config.platform.os = root.at("os").text();
  config.platform.variant = root.text_or_empty("variant");
  config.platform.os_version = root.text_or_empty("os.version");
  if (const auto runtime = root.find("config")) read_runtime_part(*runtime, config);
  config.diff_ids = read_diff_ids(root.at("rootfs"));
  if (const auto history = root.find("history")) {
    for (const JsonCursor& entry : history->elements()) {
      config.history.push_back(read_history(entry));
    }
  }
  return config;
}

std::string to_json(const ImageConfig& config) {
  OrderedJson json;
  put_text(json, "created", config.created);
  put_text(json, "author", config.author);
  json["architecture"] = config.platform.architecture;
  put_text(json, "variant", config.platform.variant);
  json["os"] = config.platform.os;
  put_text(json, "os.version", config.platform.os_version);
  json["config"] = write_runtime_part(config);
  OrderedJson diff_ids = OrderedJson::array();
  for (const DiffId& diff_id : config.diff_ids) diff_ids.push_back(diff_id.str());
  json["rootfs"]["type"] = "layers";
  json["rootfs"]["diff_ids"] = std::move(diff_ids);
  if (!config.history.empty()) {
    OrderedJson history = OrderedJson::array();
    for (const HistoryEntry& entry : config.history) history.push_back(write_history(entry));
    json["history"] = std::move(history);
  }
  // Bytes that are no UTF-8 (an ENV value from a Dockerfile) become U+FFFD, as Go's printer makes
  // them.
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace cooper::oci
