// How a host directory is read: one name as an Entry, or everything beneath. Private to
// host_tree.cc.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "layers/tree.h"

namespace cooper::layers {

// Whether inode numbers and change times identify content here: the usual local file systems only.
// FUSE and network file systems may change a file without telling (design section 3), and unknown
// ones might.
bool is_local_file_system(int fd);

// Remembers it for each device: a file bound over another is not of its directory's file system.
class LocalDevices {
 public:
  template <class Open>
  bool is_local(dev_t device, Open&& open_file) {
    const auto known = known_.find(device);
    if (known != known_.end()) return known->second;
    const int fd = open_file();
    return fd >= 0 && known_.emplace(device, is_local_file_system(fd)).first->second;
  }

 private:
  std::map<dev_t, bool> known_;
};

// The capability of an open file in its version 2 form; nullopt where it has none.
std::optional<std::string> read_capability(int fd, const std::string& what);

// What to do about the bytes of files while their metadata is read.
enum class Contents {
  leave,
  // Take the digests of small files, which are open anyway for their capabilities. A file that
  // changes meanwhile has none: whoever needs it will find out why.
  digest_small,
  // Not even what only an open file tells (Entry::unread), unless its digest is remembered.
  unread,
};

// Reads names beneath one directory of the tree. Not thread-safe.
class HostReader {
 public:
  HostReader(const Dir& root, TreePath top, const HostTreeOptions& options)
      : root_(root),
        top_(std::move(top)),
        memory_(options.memory),
        keep_xattrs_(options.keep_xattrs) {}

  void set_contents(Contents contents) noexcept { contents_ = contents; }

  // What stands at directory/name, whose lstat is `status`; path is seen from `top`, and becomes
  // the Entry's. nullopt: a socket, or gone meanwhile. An empty name is the directory itself.
  // opened: the file, where `open_first` opened it.
  std::optional<Entry> read(int directory, const char* name, TreePath path,
                            const struct stat& status, UniqueFd opened = UniqueFd());
  // Opens what is said to be a file without looking at it before: one look-up of its name instead
  // of two, where read() would open it whatever its status says. Nothing: it is no file, or cannot
  // be opened.
  static UniqueFd open_first(int directory, const char* name, struct stat& status);
  std::string describe(const TreePath& path) const;  // for messages

 private:
  void read_file_facts(int directory, const char* name, Entry& entry, const struct stat& status,
                       UniqueFd fd);
  void read_directory_facts(int directory, const char* name, Entry& entry);
  void keep_user_xattrs(int fd, Entry& entry) const;
  std::optional<std::string> read_target(int directory, const char* name,
                                         const TreePath& path) const;
  bool remembers(int directory, const char* name, dev_t device, const UniqueFd& opened);
  std::optional<FileContent> content_unchanged(int fd, const struct stat& status);

  const Dir& root_;
  TreePath top_;
  DigestMemory* memory_;
  bool keep_xattrs_;
  LocalDevices local_;
  Contents contents_ = Contents::leave;
  std::vector<std::byte> buffer_;
};

// filter: of the whole tree, may be null; guide: seen from top.
Walked walk_host(const Dir& root, const HostTreeOptions& options, const TreePath& top,
                 const WalkGuide& guide, Contents contents);

}  // namespace cooper::layers
