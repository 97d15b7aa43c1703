// The directory side of apply_layer: makes entries beneath one directory, relative to open
// descriptors, following no symlink. Private to the folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/dir.h"
#include "layers/apply.h"
#include "layers/apply_rows.h"
#include "layers/standin.h"

namespace cooper::layers {

class ApplyDirectory : public RowActions {
 public:
  ApplyDirectory(const Dir& into, const StandInSeal& seal, Hiding hiding = Hiding::marked);

  void make_directory(const TreePath& path) override;
  void remove(const TreePath& path) override;
  std::optional<oci::ContentDigest> make(const Entry& entry, ByteSource* content) override;
  // A file like another one: not hashed, and its blocks shared where the file system can.
  void make_copy(const Entry& entry, ByteSource& content);
  // A file of its own where hard links are not wanted (Hiding).
  void make_link(const Entry& first, const TreePath& path) override;
  // Owners, modes and times of directories: last, because making their entries needs and changes
  // them.
  void finish(const Table& table);

 private:
  int parent_of(const TreePath& path);
  oci::ContentDigest make_file(const Entry& entry, ByteSource& content);
  void write_content(int fd, const Entry& entry, ByteSource& content, oci::Sha256* hasher);
  void make_stand_in(const Entry& entry);
  void make_symlink(const Entry& entry);
  void make_fifo(const Entry& entry);
  void make_whiteout(const Entry& entry);
  void make_another(const Entry& first, const TreePath& path);

  UniqueFd create(const TreePath& path);
  // digest: of a file's content.
  void set_metadata(int fd, const Entry& entry, StandIn stand_in,
                    const std::optional<oci::ContentDigest>& digest = std::nullopt);
  void set_owner(int fd, const Entry& entry, StandIn& stand_in);
  void set_xattrs(int fd, const Entry& entry, StandIn& stand_in);
  void set_times(int dir_fd, const char* name, const Entry& entry);
  void set_owner_of_name(int dir_fd, const char* name, const Entry& entry);
  std::string display(const TreePath& path) const;

  Dir dir_;
  const StandInSeal& seal_;
  Hiding hiding_;
  UniqueFd parent_fd_;
  TreePath parent_;
  bool parent_open_ = false;
  // New files get our own ids unless the directory hands down its group.
  bool ids_are_ours_ = false;
  std::optional<std::uint32_t> highest_uid_;  // of our map, once it was read
  std::optional<std::uint32_t> highest_gid_;
  std::vector<std::byte> buffer_;
};

}  // namespace cooper::layers
