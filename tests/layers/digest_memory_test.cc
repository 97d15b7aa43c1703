#include "layers/digest_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/unique_fd.h"
#include "layers/host_walk.h"
#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

constexpr Timestamp kFarFuture = {4'000'000'000, 0};  // so that what a test writes has settled

// --------------------------------------------------------------------------------
struct CountingMemory : public DigestMemory {
  explicit CountingMemory(DigestMemory& next) : inner(next) {}
  std::optional<oci::ContentDigest> recall(const struct stat& file) override {
    auto found = inner.recall(file);
    (found ? hits : misses)++;
    return found;
  }
  void remember(const struct stat& file, const oci::ContentDigest& digest) override {
    ++remembered;
    inner.remember(file, digest);
  }
  bool empty() const override { return inner.empty(); }
  DigestMemory& inner;
  int hits = 0;
  int misses = 0;
  int remembered = 0;
};

oci::ContentDigest digest(const Context& context, DigestMemory& memory) {
  return selection_digest(select(context.tree({nullptr, &memory, 1}), request({"d"})));
}

TEST(DigestMemory, the_second_build_reads_nothing) {
  Context context;
  for (int i = 0; i < 20; ++i) context.file(cat("d/", i), cat(i));
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory first(store.dir(), at("context"), kFarFuture);
  CountingMemory counted(first);
  const auto before = digest(context, counted);
  EXPECT_EQ(counted.remembered, 20);
  EXPECT_EQ(counted.hits, 0);
  EXPECT_EQ(digest(context, counted), before);
  EXPECT_EQ(counted.hits, 20);
  first.save();
  PackedDigestMemory second(store.dir(), at("context"), kFarFuture);
  CountingMemory again(second);
  EXPECT_EQ(digest(context, again), before);
  EXPECT_EQ(again.hits, 20);
  EXPECT_EQ(again.misses, 0);
  EXPECT_EQ(again.remembered, 0);
}

TEST(DigestMemory, a_changed_file_is_read_again) {
  Context context;
  context.file("d/f", "one");
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
  const auto before = digest(context, memory);
  context.file("d/f", "other");
  EXPECT_NE(digest(context, memory), before);
  context.file("d/f", "one");
  EXPECT_EQ(digest(context, memory), before);
}

TEST(DigestMemory, COPY_18_a_file_with_a_capability_is_looked_at_every_time) {
  if (::geteuid() != 0) return;  // only root may give one
  Context context;
  context.file("d/plain").file("d/ping", "x", 0755);
  if (!context.give_capability("d/ping")) return;  // a file system without attributes
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
  CountingMemory counted(memory);
  const auto before = digest(context, counted);
  EXPECT_EQ(counted.remembered, 1);
  EXPECT_EQ(digest(context, counted), before);
  const auto ping = context.tree({nullptr, &memory, 1})->find(at("d/ping")).value();
  EXPECT_EQ(ping.xattrs.at("security.capability"), kCapabilityValue);
  // Until a tick of the file system's clock has passed, so that ctime tells.
  const auto changed = [&] { return context.root().stat(at("d/plain")).st_ctim; };
  const timespec start = changed();
  do {
    ASSERT_TRUE(context.give_capability("d/plain"));
  } while (changed().tv_sec == start.tv_sec && changed().tv_nsec == start.tv_nsec);
  EXPECT_NE(digest(context, counted), before);
}

struct stat stat_of(std::int64_t mtime, std::int64_t ctime, std::uint32_t nanoseconds = 0) {
  struct stat status {};
  status.st_dev = 5;
  status.st_ino = 6;
  status.st_size = 7;
  status.st_mtim = {mtime, nanoseconds};
  status.st_ctim = {ctime, nanoseconds};
  return status;
}

const oci::ContentDigest kDigest{oci::sha256(std::string_view("content"))};

TEST(DigestMemory, racy_timestamps_are_not_remembered) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  const struct {
    std::int64_t mtime;
    std::int64_t ctime;
    std::uint32_t nanoseconds;
    bool kept;
  } cases[] = {{90, 90, 0, true},           {97, 97, 0, true},   {98, 90, 0, false},
               {90, 98, 0, false},          {100, 90, 0, false}, {90, 200, 0, false},
               {97, 97, 999'999'999, true}, {98, 98, 1, false}};
  for (const auto& c : cases) {
    PackedDigestMemory memory(store.dir(), at("context"), {100, 0});
    memory.remember(stat_of(c.mtime, c.ctime, c.nanoseconds), kDigest);
    EXPECT_EQ(memory.recall(stat_of(c.mtime, c.ctime, c.nanoseconds)).has_value(), c.kept)
        << c.mtime << " " << c.ctime;
  }
}

TEST(DigestMemory, many_files_are_told_apart) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  constexpr unsigned kFiles = 5000;
  const auto file = [](unsigned n) {
    struct stat status = stat_of(10, 20);
    status.st_dev = n % 3;
    status.st_ino = n / 3 * 16;  // one after the other, and all of one shard
    return status;
  };
  const auto content = [](unsigned n) { return oci::ContentDigest{oci::sha256(cat(n))}; };
  {
    PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
    EXPECT_TRUE(memory.empty());
    for (unsigned n = 0; n < kFiles; ++n) memory.remember(file(n), content(n + 1));
    EXPECT_FALSE(memory.empty());
    for (unsigned n = kFiles; n-- > 0;) memory.remember(file(n), content(n));
    for (unsigned n = 0; n < kFiles; ++n) ASSERT_EQ(memory.recall(file(n)), content(n)) << n;
    EXPECT_FALSE(memory.recall(file(kFiles)));
    memory.save();
  }
  PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
  EXPECT_FALSE(memory.empty());
  for (unsigned n = 0; n < kFiles; ++n) ASSERT_EQ(memory.recall(file(n)), content(n)) << n;
  EXPECT_FALSE(memory.recall(file(kFiles)));
}

TEST(DigestMemory, every_part_of_the_identity_counts) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  {
    PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
    memory.remember(stat_of(10, 20, 30), kDigest);
    memory.save();
  }
  PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
  EXPECT_EQ(memory.recall(stat_of(10, 20, 30)), kDigest);
  const std::function<void(struct stat&)> changes[] = {
      [](auto& s) { s.st_dev++; },          [](auto& s) { s.st_ino++; },
      [](auto& s) { s.st_size++; },         [](auto& s) { s.st_mtim.tv_sec++; },
      [](auto& s) { s.st_mtim.tv_nsec++; }, [](auto& s) { s.st_ctim.tv_sec++; },
      [](auto& s) { s.st_ctim.tv_nsec++; }};
  for (const auto& change : changes) {
    struct stat other = stat_of(10, 20, 30);
    change(other);
    EXPECT_FALSE(memory.recall(other));
  }
}

TEST(DigestMemory, damage_counts_as_empty) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
  memory.remember(stat_of(10, 20), kDigest);
  memory.save();
  const std::string good = store.dir().read_file(at("context"), 1 << 20);
  const auto recalls = [&](const std::string& bytes) {
    std::ofstream(store.host_path() + "/context", std::ios::binary) << bytes;
    return PackedDigestMemory(store.dir(), at("context"), kFarFuture)
        .recall(stat_of(10, 20))
        .has_value();
  };
  EXPECT_TRUE(recalls(good));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(recalls(good.substr(0, size))) << size;
  for (std::size_t at_byte = 0; at_byte < good.size(); ++at_byte) {
    std::string bad = good;
    bad[at_byte] = static_cast<char>(bad[at_byte] ^ 1);
    EXPECT_FALSE(recalls(bad)) << at_byte;
  }
  EXPECT_FALSE(recalls(good + "x"));
}

TEST(DigestMemory, CACHE_15_anew_nothing_from_before_is_believed) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  {
    PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
    memory.remember(stat_of(10, 20), kDigest);
    memory.save();
  }
  const oci::ContentDigest other{oci::sha256("other")};
  PackedDigestMemory memory(store.dir(), at("context"), kFarFuture, Recall::anew);
  EXPECT_FALSE(memory.recall(stat_of(10, 20)));
  memory.remember(stat_of(10, 20), other);
  EXPECT_EQ(memory.recall(stat_of(10, 20)), other);
  memory.save();
  EXPECT_EQ(PackedDigestMemory(store.dir(), at("context"), kFarFuture).recall(stat_of(10, 20)),
            other);
}

TEST(DigestMemory, saves_only_news_and_forgets_what_nobody_asks_for) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  {
    PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
    memory.save();
    EXPECT_TRUE(store.dir().list(TreePath()).empty());
    memory.remember(stat_of(10, 20), kDigest);
    memory.save();
  }
  const auto inode = store.dir().stat(at("context")).st_ino;
  PackedDigestMemory(store.dir(), at("context"), kFarFuture).save();
  EXPECT_EQ(store.dir().stat(at("context")).st_ino, inode);
  struct stat other = stat_of(10, 20);
  for (int run = 0; run < 40; ++run) {
    PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
    if (run < 20) {
      EXPECT_TRUE(memory.recall(stat_of(10, 20))) << run;
    }
    other.st_ino = 100U + static_cast<ino_t>(run);
    memory.remember(other, kDigest);
    memory.save();
    EXPECT_EQ(store.dir().list(TreePath()).size(), 1U);
  }
  EXPECT_TRUE(PackedDigestMemory(store.dir(), at("context"), kFarFuture).recall(stat_of(10, 20)));
  for (int run = 0; run < 20; ++run) {
    PackedDigestMemory memory(store.dir(), at("context"), kFarFuture);
    other.st_ino = 200U + static_cast<ino_t>(run);
    memory.remember(other, kDigest);
    memory.save();
  }
  EXPECT_FALSE(PackedDigestMemory(store.dir(), at("context"), kFarFuture).recall(stat_of(10, 20)));
  EXPECT_TRUE(PackedDigestMemory(store.dir(), at("context"), kFarFuture).recall(other));
}

TEST(LocalDevices, a_file_that_cannot_be_opened_says_nothing_about_its_file_system) {
  const Context context;
  const UniqueFd directory(::open(context.host_path("").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(is_local_file_system(directory.get()));
  LocalDevices devices;
  EXPECT_FALSE(devices.is_local(7, [] { return -1; }));
  EXPECT_TRUE(devices.is_local(7, [&] { return directory.get(); }));
  EXPECT_TRUE(devices.is_local(7, [] { return -1; }));  // remembered
}

}  // namespace
}  // namespace cooper::layers
