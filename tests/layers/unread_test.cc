// Selections whose files are read when they are written (Entry::unread): the layer and the digest
// are those of a selection that was read first, and each file is opened once.
#include <gtest/gtest.h>

#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

#include "tests/base/own_mounts.h"
#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

struct NotingMemory : public DigestMemory {
  std::optional<oci::ContentDigest> recall(const struct stat& file) override {
    const std::lock_guard lock(mutex);
    const auto found = known.find(file.st_ino);
    return found != known.end() ? std::optional(found->second) : std::nullopt;
  }
  void remember(const struct stat& file, const oci::ContentDigest& digest) override {
    const std::lock_guard lock(mutex);
    known.insert_or_assign(file.st_ino, digest);
  }
  bool empty() const override {
    const std::lock_guard lock(mutex);
    return known.empty();
  }
  mutable std::mutex mutex;
  std::map<ino_t, oci::ContentDigest> known;
};

struct Made {
  oci::DiffId layer;
  oci::ContentDigest digest;
};

class Unread : public testing::Test {
 protected:
  Unread() {
    context_.file("d/a", "first").file("d/empty", "").file("d/sub/b", "second", 0755);
    context_.file("d/large", std::string(300'000, 'x')).link("d/l", "a").fifo("d/pipe");
    context_.file("d/z/1", "linked").hard("d/z/2", "d/z/1").file("e/a", "later").file("f", "alone");
    for (int i = 0; i < 1100; ++i) context_.file(cat("d/many/", 1000 + i), cat(i));
  }

  std::vector<Selection> select_all(bool unread, const HostTreeOptions& options = {}) const {
    CopyRequest wanted = request({"d", "e", "f"});
    wanted.leave_unread = unread;
    return {select(context_.tree(options), wanted)};
  }

  static oci::DiffId write(std::vector<Selection>& selections) {
    tests::MemoryBlobs blobs;
    LayerWriter writer(blobs, {Compression::none});
    PlaceOptions options;
    options.destination = "/to/";
    options.now = {kNow, 0};
    write_copies(selections, options, *item_tree({}), writer);
    return std::move(writer).finish().diff_id;
  }

  Made read_first(const HostTreeOptions& options = {}) const {
    auto selections = select_all(false, options);
    const oci::ContentDigest digest = selection_digest(selections.front());
    return {write(selections), digest};
  }

  Made write_first(const HostTreeOptions& options = {}) const {
    auto selections = select_all(true, options);
    const oci::DiffId layer = write(selections);
    return {layer, selection_digest(selections.front())};
  }

  void expect_equal_ways(const HostTreeOptions& options = {}) const {
    const Made one = read_first(options);
    const Made other = write_first(options);
    EXPECT_EQ(one.layer, other.layer);
    EXPECT_EQ(one.digest, other.digest);
  }

  Context context_;
};

TEST_F(Unread, CACHE_03_CACHE_04_layer_and_digest_are_the_same) {
  expect_equal_ways();
  HostTreeOptions keeping;
  keeping.keep_xattrs = true;
  ::setxattr(context_.host_path("d/a").c_str(), "user.note", "x", 1, 0);  // where there are such
  expect_equal_ways(keeping);
}

TEST_F(Unread, COPY_18_capabilities_are_written_and_part_of_the_digest) {
  const Made before = write_first();
  // The second: of a file with two names, the third: of one that `e` replaces.
  for (const char* path : {"d/sub/b", "d/z/1", "d/a"}) {
    if (!context_.give_capability(path)) GTEST_SKIP() << "no capabilities can be given here";
    const Made with = write_first();
    EXPECT_NE(with.digest, before.digest) << path;
    EXPECT_EQ(with.layer == before.layer, std::string(path) == "d/a") << path;
    expect_equal_ways();
    ASSERT_EQ(::removexattr(context_.host_path(path).c_str(), "security.capability"), 0);
  }
}

TEST_F(Unread, what_was_read_is_remembered_as_by_reading_first) {
  const bool capable = context_.give_capability("d/sub/b");
  NotingMemory one;
  NotingMemory other;
  const Made first = read_first({nullptr, &one, 2});
  const Made second = write_first({nullptr, &other, 2});
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_EQ(one.known, other.known);
  // a, empty, large, z, e/a, f, many; and b.
  EXPECT_EQ(other.known.size(), 1106U + (capable ? 0U : 1U));
  // What is remembered is not looked at again.
  EXPECT_EQ(write_first({nullptr, &other, 2}).digest, first.digest);
}

TEST_F(Unread, COPY_18_a_file_given_a_capability_after_it_was_selected_is_not_remembered) {
  NotingMemory memory;
  std::vector<Selection> selections = {
      select(context_.tree({nullptr, &memory, 2}), request({"f"}))};
  if (!context_.give_capability("f")) GTEST_SKIP() << "no capabilities can be given here";
  write(selections);
  EXPECT_TRUE(memory.known.empty());
  EXPECT_TRUE(selections.front().sources.front().top.content);
}

TEST_F(Unread, each_file_is_opened_once) {
  const UniqueFd opened(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  for (const char* path : {"d/many", "d/sub", "d/z"}) {
    ASSERT_GE(::inotify_add_watch(opened.get(), context_.host_path(path).c_str(),
                                  IN_OPEN | IN_EXCL_UNLINK),
              0);
  }
  const auto count = [&] {
    std::size_t files = 0;
    alignas(inotify_event) std::array<char, 64 * 1024> events;
    for (;;) {
      const ssize_t got = ::read(opened.get(), events.data(), events.size());
      if (got <= 0) return files;
      for (ssize_t at = 0; at < got;) {
        const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
        if ((event->mask & IN_ISDIR) == 0) ++files;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
  };
  auto selections = select_all(true);
  EXPECT_EQ(count(), 0U);
  write(selections);
  EXPECT_EQ(count(), 1102U);  // and one of the two names
  selection_digest(selections.front());
  EXPECT_EQ(count(), 0U);
}

TEST_F(Unread, CACHE_03_the_digest_is_that_of_the_bytes_that_were_written) {
  auto selections = select_all(true);
  context_.file("d/sub/b", "SECOND", 0755);  // the support sets its time back
  const Made made{write(selections), selection_digest(selections.front())};
  const Made again = read_first();
  EXPECT_EQ(made.layer, again.layer);
  EXPECT_EQ(made.digest, again.digest);
}

TEST_F(Unread, COPY_18_further_names_are_what_was_written_under_the_first) {
  const Made before = read_first();
  auto selections = select_all(true);
  const oci::DiffId layer = write(selections);
  context_.file("d/z/1", "LINKED");
  static_cast<void>(context_.give_capability("d/z/1"));
  EXPECT_EQ(layer, before.layer);
  EXPECT_EQ(selection_digest(selections.front()), before.digest);
}

// As a container's engine puts single files over others.
TEST_F(Unread, CACHE_15_a_file_that_is_mounted_over_another_is_not_remembered) {
  const char* foreign = "/sys/kernel/notes";  // of the size it says, on no file system of the list
  if (::access(foreign, R_OK) != 0) GTEST_SKIP() << "this kernel shows no notes";
  run_with_own_mounts([&] {
    const std::string place = context_.host_path("d/sub/b");
    if (::mount(foreign, place.c_str(), nullptr, MS_BIND, nullptr) != 0) return 1;
    // Opened here: a directory opened before does not have the mount.
    const Dir root = Dir::open(context_.host_path(""), Confine::strict);
    std::ifstream stream(foreign);
    const std::string content(std::istreambuf_iterator<char>(stream), {});
    const oci::ContentDigest digest{oci::sha256(content)};
    for (const bool unread : {true, false}) {
      NotingMemory memory;
      CopyRequest wanted = request({"d"});
      wanted.leave_unread = unread;
      std::vector<Selection> selections = {
          select(open_host_tree(root.duplicate(), {nullptr, &memory, 1}), wanted)};
      write(selections);
      selection_digest(selections.front());
      if (selections.front().sources.front().beneath.find(at("sub/b"))->content != digest) return 2;
      if (memory.known.size() < 1000) return 3;
      for (const auto& [inode, known] : memory.known) {
        if (known == digest) return 4;
      }
    }
    return 0;
  });
}

TEST_F(Unread, a_file_that_changed_since_it_was_selected_is_named) {
  for (const char* path : {"d/sub/b", "d/a"}) {  // written; replaced by another source, so digested
    auto selections = select_all(true);
    context_.file(path, "of another size");
    expect_error(Errc::io, {path, "changed"}, [&] {
      write(selections);
      selection_digest(selections.front());
    });
  }
}

}  // namespace
}  // namespace cooper::layers
