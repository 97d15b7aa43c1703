#include "builder/step_key.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cooper::builder {
namespace {

using nlohmann::json;  // objects sort their members: canonical by construction

// 2: records of 1 may name a layer whose chosen times are those of an older one (step_equality.h).
constexpr int kRecordVersion = 2;

json base_record(const char* operation, const std::optional<oci::ChainId>& parent, const Making& making) {
  json record;
  if (making.keep_xattrs) record["xattrs"] = "kept";
  record["v"] = kRecordVersion;
  record["op"] = operation;
  record["parent"] = parent ? json(parent->str()) : json(nullptr);
  return record;
}

// Words may hold any bytes; JSON may not. Text that is not UTF-8 is kept apart from text that is by a prefix, so
// that no two words meet.
json word(const std::string& text) {
  try {
    json value(text);
    static_cast<void>(value.dump());
    return value;
  } catch (const json::exception&) {
    std::string hex = "bytes:";
    for (const char c : text) {
      constexpr char kDigits[] = "0123456789abcdef";
      hex += kDigits[(static_cast<unsigned char>(c) >> 4) & 15];
      hex += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return json{{"hex", hex}};
  }
}

json words(const std::vector<std::string>& list) {
  json array = json::array();
  for (const std::string& text : list) array.push_back(word(text));
  return array;
}

KeyedRecord seal(const json& record) {
  std::string text = record.dump();
  cache::StepKey key{oci::sha256(text)};
  return {std::move(text), key};
}

json mount_layout(const RunStep::Mount& planned, const std::optional<oci::ContentDigest>& content) {
  const parser::RunMount& mount = planned.mount;
  json row;
  row["type"] = static_cast<int>(mount.type);
  row["target"] = word(mount.target);
  row["readonly"] = mount.read_only;
  if (content) row["content"] = content->str();
  // Who may read it, and what is missing without it, is layout; what it holds is not (CACHE-02). A cache's id and
  // sharing are not.
  if (mount.mode) row["mode"] = *mount.mode;
  if (mount.uid) row["uid"] = *mount.uid;
  if (mount.gid) row["gid"] = *mount.gid;
  if (mount.size_bytes != 0) row["size"] = mount.size_bytes;
  if (mount.env) row["env"] = word(*mount.env);
  if (mount.type == parser::MountType::secret || mount.type == parser::MountType::ssh) {
    row["id"] = word(mount.id);
    row["required"] = mount.required;
  }
  return row;
}

constexpr char kContents[] = "contents";

json copy_layout(const CopyStep& step, const std::optional<oci::ChainId>& parent,
                 const std::optional<layers::Owner>& owner, const Making& making) {
  json record = base_record(step.is_add ? "add" : "copy", step.link ? std::nullopt : parent, making);
  record[kContents] = json::array();
  record["destination"] = word(step.destination);
  if (owner) record["owner"] = {owner->uid, owner->gid};
  record["chmod"] = word(step.chmod);
  record["link"] = step.link;
  record["parents"] = step.parents;
  record["unpack"] = std::any_of(step.sources.begin(), step.sources.end(),
                                 [](const CopyStep::Source& source) { return source.unpack; });
  record["epoch"] = making.epoch ? json(*making.epoch) : json(nullptr);
  return record;
}

}  // namespace

KeyedRecord run_record(const RunStep& step, const std::optional<oci::ChainId>& parent, const std::string& machine,
                       const std::vector<std::optional<oci::ContentDigest>>& mount_content, const Making& making) {
  json record = base_record("run", parent, making);
  record["argv"] = words(step.argv);
  record["env"] = words(step.environment.words());
  record["cwd"] = word(step.working_dir);
  record["user"] = word(step.user);
  record["network"] = step.network == Network::none ? "none" : "host";
  record["insecure"] = step.insecure;
  record["hostname"] = word(step.hostname);
  record["platform"] = step.platform;
  if (!machine.empty()) record["machine"] = machine;
  // Names only: an address may change without a re-run (CACHE-02).
  std::vector<std::string> hosts;
  for (const ExtraHost& host : step.extra_hosts) hosts.push_back(host.name);
  std::sort(hosts.begin(), hosts.end());
  record["hosts"] = words(hosts);
  json limits = json::array();
  for (const Ulimit& limit : step.ulimits) {
    limits.push_back({{"name", limit.name}, {"soft", limit.soft}, {"hard", limit.hard}});
  }
  record["ulimits"] = std::move(limits);
  record["shm"] = step.shm_bytes;
  json mounts = json::array();
  for (std::size_t i = 0; i < step.mounts.size(); ++i) {
    mounts.push_back(mount_layout(step.mounts[i], mount_content.at(i)));
  }
  record["mounts"] = std::move(mounts);
  if (step.script) {
    record["script"] = {{"name", word(step.script->first)}, {"body", word(step.script->second)}};
  }
  return seal(record);
}

KeyedRecord copy_record(const CopyStep& step, const std::optional<oci::ChainId>& parent,
                        const std::vector<oci::ContentDigest>& selections,
                        const std::optional<layers::Owner>& owner, const Making& making) {
  json record = copy_layout(step, parent, owner, making);
  for (const oci::ContentDigest& digest : selections) record[kContents].push_back(digest.str());
  return seal(record);
}

CopyKind copy_kind(const CopyStep& step, const std::optional<oci::ChainId>& parent,
                   const std::optional<layers::Owner>& owner, const Making& making) {
  const std::string text = copy_layout(step, parent, owner, making).dump();
  const std::size_t between = text.find(cat("\"", kContents, "\":[]")) + std::size(kContents) + 3;
  return {text.substr(0, between), text.substr(between)};
}

KeyedRecord make_dir_record(const MakeDirStep& step, const std::optional<oci::ChainId>& parent,
                            const Making& making) {
  json record = base_record("mkdir", parent, making);
  record["path"] = word(step.path);
  record["user"] = word(step.user);
  record["epoch"] = making.epoch ? json(*making.epoch) : json(nullptr);  // WORKDIR-06
  return seal(record);
}

}  // namespace cooper::builder
