#include "builder/tree_place.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace cooper::builder {
namespace {

// A scratch directory may be everybody's, as /dev/shm is.
void make_private(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("making", directory.string());
  struct stat status {};
  if (::lstat(directory.c_str(), &status) != 0) throw_errno("looking at", directory.string());
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0) {
    throw Error(Errc::denied, cat("scratch directory ", directory.string(), " is not ours alone"));
  }
}

// Who may rename what is in a directory may put another in its place.
void require_safe(const std::filesystem::path& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) throw_errno("looking at", directory.string());
  const bool everybodys = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
  if (!everybodys && (status.st_uid == ::geteuid() || status.st_uid == 0)) return;
  throw Error(Errc::denied, cat("scratch directory ", directory.string(), ": others may change what is in it"));
}

}  // namespace

TreePlace::TreePlace(cache::Store& store, const std::filesystem::path& scratch) : store_(store) {
  if (scratch.empty()) return;
  require_safe(scratch);
  scratch_ = std::filesystem::absolute(scratch) / cat("cooper-", ::geteuid());
}

TreePlace::~TreePlace() {
  try {
    close();
  } catch (const Error&) {
    // The next build with this scratch directory removes it.
  }
}

void TreePlace::close() {
  if (!own_) return;
  lease_.reset();
  const auto own = std::move(own_);
  with_context([&] { return cat("emptying ", scratch_.string()); }, [&] { own->prune({.all = true}); });
}

cache::Store& TreePlace::trees() {
  if (scratch_.empty()) return store_;
  if (!own_) {
    make_private(scratch_);
    own_ = cache::Store::open(scratch_);
    lease_ = own_->lease();
  }
  return *own_;
}

}  // namespace cooper::builder
