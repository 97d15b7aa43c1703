#include "cmd/destinations.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "builder/export.h"

namespace cooper::cmd {
namespace {

namespace fs = std::filesystem;

// File systems whose rights say who may make a file: others (network shares, FUSE, proc) tell only when it is tried.
bool rights_tell(const fs::path& folder) {
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return false;
  const auto kind = static_cast<std::uint32_t>(status.f_type);
  const bool known = kind == EXT4_SUPER_MAGIC || kind == XFS_SUPER_MAGIC || kind == BTRFS_SUPER_MAGIC ||
                     kind == TMPFS_MAGIC || kind == OVERLAYFS_SUPER_MAGIC;
  return known && (status.f_files == 0 || status.f_ffree > 0);
}

void check_file(const fs::path& file) {
  std::error_code unknown;  // told by the probe
  const fs::file_type type = fs::status(file, unknown).type();
  // Opening a pipe would wait for its reader.
  if (type == fs::file_type::fifo || type == fs::file_type::character) return;
  const fs::path folder = builder::folder_of(file);
  const fs::file_type around = fs::status(folder, unknown).type();
  if (around == fs::file_type::not_found) {
    throw Error(Errc::invalid, cat("destination ", file.string(), ": there is no directory ", folder.string()));
  }
  if (around == fs::file_type::regular) {
    throw Error(Errc::invalid, cat("destination ", file.string(), ": ", folder.string(), " is not a directory"));
  }
  const bool ordinary = type == fs::file_type::regular || type == fs::file_type::not_found;
  if (ordinary && !fs::is_symlink(file, unknown) && rights_tell(folder) &&
      ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) {
    return;  // the probe would tell no more, and makes a file that is thrown away
  }
  const builder::AtomicFile probe(file);
}

// It will be made with its parents: what is there of it must be a directory that takes entries.
void check_directory(const fs::path& directory) {
  std::error_code unknown;  // told by access(2)
  fs::path there = fs::absolute(directory);
  while (!fs::exists(there, unknown) && there.has_relative_path()) {
    if (fs::is_symlink(there, unknown)) {
      throw Error(Errc::invalid, cat("destination ", directory.string(), ": ", there.string(), " is a link to nothing"));
    }
    there = there.parent_path();
  }
  if (fs::exists(there, unknown) && !fs::is_directory(there, unknown)) {
    throw Error(Errc::invalid, cat("destination ", directory.string(), ": ", there.string(), " is not a directory"));
  }
  if (::faccessat(AT_FDCWD, there.c_str(), W_OK | X_OK, AT_EACCESS) != 0) throw_errno("writing to", there.string());
}

}  // namespace

void check_destinations(const std::vector<TargetResult>& results) {
  using Kind = builder::Output::Kind;
  for (const TargetResult& result : results) {
    for (const builder::Output& output : result.outputs) {
      if (output.kind == Kind::image || output.to_stdout) continue;
      if (output.kind == Kind::local || output.as_directory) {
        check_directory(output.destination);
      } else {
        check_file(output.destination);
      }
    }
    for (const std::string& name : {result.iid_file, result.metadata_file}) {
      if (!name.empty()) check_file(name);
    }
  }
}

void drop_stale_files(const std::vector<TargetResult>& results) {
  for (const TargetResult& result : results) {
    for (const fs::path file : {result.iid_file, result.metadata_file}) {
      std::error_code unknown;  // what can't be removed was found to be writable
      // Never a link: that may be the machine's /dev/stdout.
      const bool ordinary = fs::symlink_status(file, unknown).type() == fs::file_type::regular;
      if (ordinary) fs::remove(file, unknown);
    }
  }
}

}  // namespace cooper::cmd
