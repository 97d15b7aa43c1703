// Death and a full disk at any point leave a valid store.
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/base/own_mounts.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::IsEmpty;
using Crash = StoreTest;
using FullDisk = StoreTest;

// Something of every kind, each new in this process, some replacing what is there.
void work_with(Store& store) {
  const auto lease = store.lease();
  const auto lock = store.lock_step(key_of("step"), {});
  put_layer_step(store, "step");
  put_blob(store, "damaged before");
  const TestImage image = put_image(store, "image");
  store.put_table(image.diff_id, "another table");
  store.put_name(name_of("image"), image.manifest, "now");
  put_plain_tree(store, "0", image.chain, "tree");
  store.put_fact("kind", "key", "value");
  put_layer_step(store, "loose");
}
void prepare(Store& store, const fs::path& damaged) {
  put_blob(store, "damaged before");
  fs::permissions(damaged, fs::perms::owner_all);
  fs::resize_file(damaged, 2);
}
void expect_complete(Store& store) {
  work_with(store);
  EXPECT_TRUE(store.find_step(key_of("step")));
  EXPECT_EQ(get_blob(store, "damaged before"), "damaged before");
  EXPECT_TRUE(store.find_name(name_of("image")));
  EXPECT_EQ(table_text(store, diff_of("layer of image")), "another table");
  EXPECT_TRUE(store.find_tree("0", oci::chain_id(std::nullopt, diff_of("layer of image"))));
  EXPECT_THAT(store.verify(false), IsEmpty());
}

// Runs body and kills it as it enters its n-th system call. True: it ended before.
bool killed_at_call(int n, const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    body();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  for (int stops = 0; stops < 2 * n; ++stops) {  // each call stops twice: entering and leaving
    if (::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0) break;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
      return false;
    }
  }
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return true;
}

// Every `kStride`-th call, from another start for each kind of work.
constexpr int kStride = 11;

TEST_F(Crash, kill_while_working_leaves_a_valid_store_and_the_next_run_continues) {
  int points = 0;
  for (int n = 1;; n += kStride, ++points) {
    fs::remove_all(path());
    { prepare(*open(), blob_path("damaged before")); }
    const bool killed = killed_at_call(n, [&] { work_with(*open()); });
    const auto store = open();
    EXPECT_THAT(names_in("ingest"), IsEmpty()) << "killed at call " << n;
    std::vector<std::string> problems = store->verify(false);
    std::erase_if(problems, [&](const std::string& line) {  // the damage planted above
      return line.find(digest_of("damaged before").hex()) != std::string::npos;
    });
    EXPECT_THAT(problems, IsEmpty()) << "killed at call " << n;
    expect_complete(*store);
    if (!killed || HasFailure()) break;
  }
  EXPECT_GT(points, 10);
}

TEST_F(Crash, kill_while_making_the_store_leaves_one_that_opens) {
  for (int n = 1;; n += kStride) {
    fs::remove_all(path());
    const bool killed = killed_at_call(n, [&] { put_blob(*open(), "x"); });
    const auto store = open();
    put_blob(*store, "x");
    EXPECT_EQ(get_blob(*store, "x"), "x") << "killed at call " << n;
    EXPECT_THAT(store->verify(false), IsEmpty()) << "killed at call " << n;
    if (!killed || HasFailure()) break;
  }
}

TEST_F(Crash, kill_while_pruning_leaves_a_valid_store) {
  for (const bool all : {false, true}) {
    for (int n = 2;; n += kStride) {
      fs::remove_all(path());
      { work_with(*open()); }
      age_everything();
      const bool killed = killed_at_call(n, [&] { open()->prune({.all = all}); });
      const auto store = open();
      EXPECT_THAT(store->verify(false), IsEmpty()) << "killed at call " << n;
      EXPECT_THAT(names_in("ingest"), IsEmpty());
      expect_complete(*store);
      if (!killed || HasFailure()) break;
    }
  }
}

TEST_F(Crash, kill_while_making_room_below_a_limit_leaves_a_valid_store) {
  const std::string large(300 * 1024, '.');
  const auto fill = [&] {
    const auto store = open();
    store->set_limit({.bytes = 1200 * 1024});
    const auto lease = store->lease();
    put_plain_tree(*store, "0", chain_of("new"), large);
    put_layer_step(*store, "new");
    put_blob(*store, "new" + large);
  };
  for (int n = 2;; n += kStride) {
    fs::remove_all(path());
    for (const char* name : {"a", "b"}) {
      put_blob(*open(), name + large);
      put_plain_tree(*open(), "0", chain_of(name), large);
    }
    age_everything();
    const bool killed = killed_at_call(n, fill);
    {
      const auto store = open();
      EXPECT_THAT(names_in("ingest"), IsEmpty()) << "killed at call " << n;
      EXPECT_THAT(store->verify(false), IsEmpty()) << "killed at call " << n;
    }
    fill();
    const auto store = open();
    EXPECT_TRUE(store->find_tree("0", chain_of("new")));
    EXPECT_TRUE(store->find_step(key_of("new")));
    EXPECT_THAT(store->verify(false), IsEmpty()) << "killed at call " << n;
    if (!killed || HasFailure()) break;
  }
}

// 0: everything fitted; 1: "disk full" was told and the store is good; else what went wrong.
int work_on_small_disk(const fs::path& path, const std::string& size) {
  if (::mount("tmpfs", path.c_str(), "tmpfs", 0, ("mode=0700,size=" + size).c_str()) != 0)
    return 90;
  int result = 0;
  try {
    const auto store = Store::open(path);
    for (int i = 0; i < 200; ++i) {
      put_blob(*store, cat(i, std::string(3000, '.')));
      store->put_table(diff_of(cat(i)), std::string(500, 't'));
      store->put_step(key_of(cat(i)), {.inputs = std::string(500, 'i'), .created = "now"});
      put_plain_tree(*store, "0", chain_of(cat(i)), "tree");
    }
  } catch (const Error& error) {
    const std::string text = error.what();
    if (error.code() != Errc::io || text.find("disk full") == std::string::npos ||
        text.find(path.string()) == std::string::npos) {
      ::dprintf(2, "%s\n", error.what());
      return 2;
    }
    result = 1;
  }
  if (::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT, "size=16m") != 0) return 91;
  const auto store = Store::open(path);
  if (!store->verify(false).empty()) return 3;
  for (int i = 0; i < 200; ++i) {
    const std::string text = cat(i, std::string(3000, '.'));
    if (store->has(digest_of(text)) && get_blob(*store, text) != text) return 4;
  }
  put_layer_step(*store, "there is room again");
  if (!store->find_step(key_of("there is room again"))) return 5;
  for (const auto& own : fs::directory_iterator(path / "ingest")) {
    for (const auto& left : fs::directory_iterator(own)) {
      if (left.path().filename() != "lock") return 6;
    }
  }
  return ::umount(path.c_str()) == 0 || ::umount2(path.c_str(), MNT_DETACH) == 0 ? result : 92;
}

// Without one free byte: what the store left is taken by a file among its own.
int empty_full_disk(const fs::path& path, const std::string& size) {
  if (::mount("tmpfs", path.c_str(), "tmpfs", 0, ("mode=0700,size=" + size).c_str()) != 0)
    return 90;
  try {
    const auto store = Store::open(path);
    for (int i = 0; i < 200; ++i) put_layer_step(*store, cat(i));
  } catch (const Error&) {
    // Full, as it should be.
  }
  {
    fs::create_directories(path / "blobs");
    std::ofstream rest(path / "blobs" / "rest", std::ios::binary);
    while (rest.put('x')) {
    }
  }
  try {
    Store::open(path)->prune({.all = true});
  } catch (const Error& error) {
    ::dprintf(2, "%s\n", error.what());
    return 2;
  }
  if (!fs::is_empty(path)) return 3;
  return ::umount(path.c_str()) == 0 || ::umount2(path.c_str(), MNT_DETACH) == 0 ? 0 : 92;
}

TEST_F(FullDisk, is_emptied_by_prune_all) {
  fs::create_directories(path());
  run_with_own_mounts([&] {
    for (int pages = 20; pages < 200; pages += 7) {
      const int result = empty_full_disk(path(), cat(pages * 4, "k"));
      if (result != 0) {
        ::dprintf(2, "with %d pages: %d\n", pages, result);
        return result;
      }
    }
    return 0;
  });
}

TEST_F(FullDisk, at_any_point_is_told_and_leaves_a_valid_store) {
  fs::create_directories(path());
  run_with_own_mounts([&] {
    int full = 0;
    for (int pages = 2; pages < 400; pages += pages < 60 ? 1 : 23) {
      const int result = work_on_small_disk(path(), cat(pages * 4, "k"));
      if (result > 1) {
        ::dprintf(2, "with %d pages: %d\n", pages, result);
        return result;
      }
      full += result;
    }
    return full > 20 ? 0 : 97;
  });
}

}  // namespace
}  // namespace cooper::cache
