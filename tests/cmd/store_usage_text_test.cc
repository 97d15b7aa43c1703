#include "cmd/store_usage_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cmd/human_size.h"

namespace cooper::cmd {
namespace {

using cache::StoreEntry;
using Kind = StoreEntry::Kind;
using Need = StoreEntry::Need;

constexpr std::chrono::sys_seconds kNow{std::chrono::seconds{1'700'000'000}};

cache::StoreUsage example() {
  const std::string hex(64, 'a');
  cache::StoreUsage usage;
  usage.entries = {
      {Kind::blob, "sha256:" + hex, 1000, kNow - std::chrono::seconds{5}, Need::image, ""},
      {Kind::blob, "sha256:" + std::string(64, 'b'), 234, kNow - std::chrono::hours{3}, Need::none, ""},
      {Kind::tree, "0/" + hex, 5'000'000, kNow - std::chrono::hours{24 * 9}, Need::build, ""},
      {Kind::cache_mount, "0/" + hex + "-0", 4096, std::nullopt, Need::none, "id apt, first mounted on /var/cache/apt"},
  };
  usage.records = 7;
  usage.database_bytes = 40000;
  usage.digests_bytes = 8192;
  usage.other_bytes = 12288;
  return usage;
}

TEST(StoreUsageText, a_line_for_each_kind) {
  EXPECT_EQ(usage_text(example(), false, kNow),
            "TYPE                      TOTAL   SIZE     RECLAIMABLE\n"
            "Blobs                     2       1.23kB   234B\n"
            "Layer tables              0       0B       0B\n"
            "Unpacked trees            1       5MB      0B\n"
            "Cache mounts              1       4.1kB    4.1kB\n"
            "Database (step records)   7       40kB\n"
            "File digests                      8.19kB\n"
            "Unfinished                        0B\n"
            "Directories, locks                12.3kB\n"
            "All                               5.07MB   4.33kB\n"
            "`cooper prune` would free 4.33kB, with --all 5.33kB\n");
}

TEST(StoreUsageText, a_line_for_each_entry_when_asked) {
  const std::string text = usage_text(example(), true, kNow);
  EXPECT_TRUE(text.starts_with(
      "TYPE          NAME                  SIZE    LAST USED   NEEDED BY   DESCRIPTION\n"
      "blob          sha256:aaaaaaaaaaaa   1kB     5s ago      image\n"
      "blob          sha256:bbbbbbbbbbbb   234B    3h ago      nothing\n"
      "tree          0/aaaaaaaaaaaa        5MB     9d ago      build\n"
      "cache mount   0/aaaaaaaaaaaa        4.1kB               nothing     id apt, first mounted on /var/cache/apt\n"
      "\nTYPE "))
      << text;
}

TEST(StoreUsageText, json_is_in_bytes_and_has_every_entry) {
  const auto json = nlohmann::json::parse(usage_json(example(), "/store"));
  EXPECT_EQ(json["path"], "/store");
  EXPECT_EQ(json["size"], 1234 + 5'000'000 + 4096 + 40000 + 8192 + 12288);
  EXPECT_EQ(json["reclaimable"], 234 + 4096);
  EXPECT_EQ(json["reclaimableWithAll"], 1234 + 4096);
  EXPECT_EQ(json["kinds"]["blobs"], (nlohmann::json{{"count", 2}, {"size", 1234}, {"reclaimable", 234}}));
  EXPECT_EQ(json["kinds"]["database"], (nlohmann::json{{"count", 7}, {"size", 40000}}));
  ASSERT_EQ(json["entries"].size(), 4U);
  EXPECT_EQ(json["entries"][0]["name"], "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(json["entries"][0]["lastUsed"], "2023-11-14T22:13:15Z");
  EXPECT_EQ(json["entries"][3]["description"], "id apt, first mounted on /var/cache/apt");
  EXPECT_FALSE(json["entries"][3].contains("lastUsed"));
}

TEST(StoreUsageText, odd_names_break_neither_form) {
  cache::StoreUsage usage = example();
  usage.entries[3].description = "id \x1b[31m\xff\n";
  EXPECT_EQ(usage_text(usage, true, kNow).find('\x1b'), std::string::npos);
  EXPECT_TRUE(nlohmann::json::accept(usage_json(usage, "/store")));
}

TEST(HumanSize, three_digits) {
  EXPECT_EQ(human_size(0), "0B");
  EXPECT_EQ(human_size(999), "999B");
  EXPECT_EQ(human_size(1000), "1kB");
  EXPECT_EQ(human_size(4'321'000), "4.32MB");
  EXPECT_EQ(human_size(999'700), "1MB");
  EXPECT_EQ(human_size(std::uint64_t{5'000'000'000'000'000}), "5PB");
}

}  // namespace
}  // namespace cooper::cmd
