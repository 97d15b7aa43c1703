#include "cmd/store_usage_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cmd/human_size.h"
#include "cmd/progress_plain.h"
#include "cmd/text_table.h"

namespace cooper::cmd {
namespace {

using cache::StoreEntry;
using cache::StoreUsage;
using Kind = StoreEntry::Kind;
using Need = StoreEntry::Need;

struct KindName {
  Kind kind;
  const char* one;
  const char* heading;
  const char* key;
};
constexpr std::array kKinds = {KindName{Kind::blob, "blob", "Blobs", "blobs"},
                               KindName{Kind::table, "table", "Layer tables", "tables"},
                               KindName{Kind::tree, "tree", "Unpacked trees", "trees"},
                               KindName{Kind::cache_mount, "cache mount", "Cache mounts", "cache_mounts"}};

struct Sum {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t reclaimable = 0;  // by prune
  std::uint64_t removable = 0;    // by prune --all

  void add(const StoreEntry& entry) {
    ++count;
    bytes += entry.size_bytes;
    if (entry.need == Need::none) reclaimable += entry.size_bytes;
    if (entry.need != Need::build) removable += entry.size_bytes;
  }
};

Sum sum_of(const StoreUsage& usage, Kind kind) {
  Sum sum;
  for (const StoreEntry& entry : usage.entries) {
    if (entry.kind == kind) sum.add(entry);
  }
  return sum;
}

Sum sum_of_all(const StoreUsage& usage) {
  Sum sum;
  for (const StoreEntry& entry : usage.entries) sum.add(entry);
  sum.bytes += usage.database_bytes + usage.digests_bytes + usage.unfinished_bytes + usage.other_bytes;
  return sum;
}

const char* need_word(Need need) {
  switch (need) {
    case Need::none: return "nothing";
    case Need::image: return "image";
    case Need::build: return "build";
  }
  return "";
}

std::string ago(const StoreEntry& entry, std::chrono::sys_seconds now) {
  if (!entry.last_use) return "";
  const std::int64_t seconds = std::max<std::int64_t>(0, (now - *entry.last_use).count());
  constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds < 2 * kMinute) return cat(seconds, "s ago");
  if (seconds < 2 * kHour) return cat(seconds / kMinute, "m ago");
  if (seconds < 2 * kDay) return cat(seconds / kHour, "h ago");
  return cat(seconds / kDay, "d ago");
}

// What a Dockerfile called a cache mount, without anything that a terminal acts on.
std::string plain(std::string_view text) {
  std::string shown = printable(text);
  std::ranges::replace(shown, '\x1b', '?');
  return shown;
}

// RFC 3339, in UTC.
std::string time_text(std::chrono::sys_seconds time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string short_name(const StoreEntry& entry) {
  constexpr std::size_t kShown = 12;  // of a digest, as docker shows it
  const std::size_t digest = entry.name.find_first_of(":/");
  return digest == std::string::npos ? entry.name : entry.name.substr(0, digest + 1 + kShown);
}

std::string entries_text(const StoreUsage& usage, std::chrono::sys_seconds now) {
  TextTable table({"TYPE", "NAME", "SIZE", "LAST USED", "NEEDED BY", "DESCRIPTION"});
  for (const StoreEntry& entry : usage.entries) {
    table.add({kKinds.at(static_cast<std::size_t>(entry.kind)).one, short_name(entry), human_size(entry.size_bytes),
               ago(entry, now), need_word(entry.need), plain(entry.description)});
  }
  return table.str();
}

}  // namespace

std::string usage_text(const StoreUsage& usage, bool entries, std::chrono::sys_seconds now) {
  std::string text = entries ? entries_text(usage, now) + "\n" : "";
  TextTable table({"TYPE", "TOTAL", "SIZE", "RECLAIMABLE"});
  for (const KindName& kind : kKinds) {
    const Sum sum = sum_of(usage, kind.kind);
    table.add({kind.heading, std::to_string(sum.count), human_size(sum.bytes), human_size(sum.reclaimable)});
  }
  table.add({"Database (step records)", std::to_string(usage.records), human_size(usage.database_bytes), ""});
  table.add({"File digests", "", human_size(usage.digests_bytes), ""});
  table.add({"Unfinished", "", human_size(usage.unfinished_bytes), ""});
  table.add({"Directories, locks", "", human_size(usage.other_bytes), ""});
  const Sum all = sum_of_all(usage);
  table.add({"All", "", human_size(all.bytes), human_size(all.reclaimable)});
  return text + table.str() +
         cat("`cooper prune` would free ", human_size(all.reclaimable), ", with --all ", human_size(all.removable), "\n");
}

std::string usage_json(const StoreUsage& usage, const std::string& store_path) {
  nlohmann::ordered_json json;
  json["path"] = store_path;
  const Sum all = sum_of_all(usage);
  json["size"] = all.bytes;
  json["reclaimable"] = all.reclaimable;
  json["reclaimableWithAll"] = all.removable;
  for (const KindName& kind : kKinds) {
    const Sum sum = sum_of(usage, kind.kind);
    json["kinds"][kind.key] = {{"count", sum.count}, {"size", sum.bytes}, {"reclaimable", sum.reclaimable}};
  }
  json["kinds"]["database"] = {{"count", usage.records}, {"size", usage.database_bytes}};
  json["kinds"]["digests"] = {{"size", usage.digests_bytes}};
  json["kinds"]["unfinished"] = {{"size", usage.unfinished_bytes}};
  json["kinds"]["other"] = {{"size", usage.other_bytes}};
  json["entries"] = nlohmann::ordered_json::array();
  for (const StoreEntry& entry : usage.entries) {
    nlohmann::ordered_json one = {{"type", kKinds.at(static_cast<std::size_t>(entry.kind)).one},
                                  {"name", entry.name},
                                  {"size", entry.size_bytes},
                                  {"neededBy", need_word(entry.need)}};
    if (entry.last_use) one["lastUsed"] = time_text(*entry.last_use);
    if (!entry.description.empty()) one["description"] = entry.description;
    json["entries"].push_back(std::move(one));
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace cooper::cmd
