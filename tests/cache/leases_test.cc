// The files of leases: cache/leases.cc, cache/file_lock.cc. What a lease protects: prune_test.cc.
#include "cache/leases.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using LeaseFiles = StoreTest;

TEST_F(LeaseFiles, a_lease_file_is_used_again_and_swept_by_prune) {
  const auto store = open();
  using Names = std::vector<std::string>;
  const auto files = [&] {
    Names names = names_in("locks");
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("lease-"); });
    return names;
  };
  for (int n = 0; n < 3; ++n) {
    const auto lease = store->lease();
    EXPECT_EQ(files(), Names{"lease-0"});
  }
  {
    const auto first = store->lease();
    const auto second = open()->lease();
    EXPECT_EQ(files(), (Names{"lease-0", "lease-1"}));
    store->prune({});
    EXPECT_EQ(files(), (Names{"lease-0", "lease-1"}));
  }
  store->prune({});
  EXPECT_EQ(files(), Names{});
}

TEST_F(LeaseFiles, who_looks_at_a_lease_file_holds_no_lease) {
  const auto store = open();
  store->lease().reset();
  const UniqueFd look(::open((path() / "locks/lease-0").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(look.get(), LOCK_SH | LOCK_NB), 0);
  put_blob(*store, "x");
  store->prune({});
  EXPECT_FALSE(store->has(digest_of("x")));
}

TEST_F(LeaseFiles, lock_files_belong_to_the_owner_of_the_store) {
  const auto store = open();
  constexpr uid_t kSomebody = 12345;
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path().c_str(), kSomebody, kSomebody), 0);
  }
  const auto lease = store->lease();
  struct stat owner {};
  struct stat file {};
  ASSERT_EQ(::stat(path().c_str(), &owner), 0);
  ASSERT_EQ(::stat((path() / "locks/lease-0").c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, owner.st_uid);
  EXPECT_EQ(file.st_gid, owner.st_gid);
}

}  // namespace
}  // namespace cooper::cache
