#include "base/dir_entries.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace cooper {
namespace {

bool is_dot(std::string_view name) noexcept {
  return name == "." || name == "..";
}

int read_raw(int dir, std::vector<DirEntry>& entries) {
  constexpr std::size_t kBufferBytes = 32UL * 1024;
  alignas(dirent64) std::array<char, kBufferBytes> buffer;
  for (;;) {
    const ssize_t filled = ::getdents64(dir, buffer.data(), buffer.size());
    if (filled < 0) return errno;
    if (filled == 0) return 0;
    for (std::size_t at = 0; at < static_cast<std::size_t>(filled);) {
      const char* record = buffer.data() + at;
      const auto* entry = reinterpret_cast<const dirent64*>(record);
      at += entry->d_reclen;
      // Not entry->d_name: it is declared with a size that the record need not have.
      const char* name = record + offsetof(dirent64, d_name);
      if (!is_dot(name)) entries.push_back({name, entry->d_type});
    }
  }
}

}  // namespace

int read_entries(int dir, std::vector<DirEntry>& entries) {
  const int errnum = read_raw(dir, entries);
  if (errnum != 0) return errnum;
  // Some file systems do not tell the type. Entries gone meanwhile are dropped.
  for (auto entry = entries.begin(); entry != entries.end();) {
    struct stat status {};
    if (entry->type != DT_UNKNOWN) {
      ++entry;
    } else if (::fstatat(dir, entry->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      entry->type = static_cast<unsigned char>(IFTODT(status.st_mode));
      ++entry;
    } else if (errno == ENOENT) {
      entry = entries.erase(entry);
    } else {
      return errno;
    }
  }
  return 0;
}

}  // namespace cooper
