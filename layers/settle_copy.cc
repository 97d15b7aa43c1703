#include "layers/settle_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <set>

#include "base/byte_stream.h"
#include "base/error.h"
#include "layers/apply_directory.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

// Attributes that a step may have given and that are not the machine's.
bool is_of_steps(const std::string& name) {
  return name.starts_with("user.") || name.starts_with("system.posix_acl_") || name == kCapability;
}

class Settler {
 public:
  Settler(const Dir& root, const Tree& tree, const StandInSeal& seal)
      : root_(root), tree_(tree), out_(root, seal) {}

  void run() {
    settle(TreePath());
    for (const Entry& entry : shared_) part(entry);
    std::vector<Entry> directories;
    for (const TreePath& path : touched_) directories.push_back(tree_.find(path).value());
    for (Entry& entry : directories) entry.opaque = false;
    out_.finish(Table(std::move(directories)));
  }

 private:
  void settle(const TreePath& path) {
    drop_attributes(tree_.find(path).value());
    const std::vector<Entry> entries = tree_.children(path);
    auto known = entries.begin();
    for (const DirEntry& item : root_.list(path)) {
      while (known != entries.end() && known->path.name() < item.name) ++known;
      if (known == entries.end() || known->path.name() != item.name) {
        out_.remove(path.child(item.name));
        touched_.insert(path);
      }
    }
    for (const Entry& entry : entries) {
      if (entry.type == EntryType::directory) {
        settle(entry.path);
      } else if (entry.type == EntryType::file) {
        drop_attributes(entry);
        // The first name keeps the inode.
        const bool later_name = !entry.link_target.empty();
        if (later_name && root_.stat(entry.path).st_nlink > 1) shared_.push_back(entry);
      }
    }
  }

  void drop_attributes(const Entry& entry) const {
    for (const std::string& name : root_.list_xattrs(entry.path)) {
      if (!is_of_steps(name) || name == kOverrideXattr || entry.xattrs.contains(name)) continue;
      const UniqueFd file = root_.open_file(entry.path, O_RDONLY);
      if (::fremovexattr(file.get(), name.c_str()) != 0 && errno != ENODATA) {
        throw_errno(cat("removing ", name, " from"), entry.path.absolute());
      }
    }
  }

  void part(Entry entry) {
    entry.link_target.clear();
    FdSource content(root_.open_file(entry.path, O_RDONLY), entry.path.absolute());
    out_.remove(entry.path);
    out_.make_copy(entry, content);
    touched_.insert(entry.path.parent());
  }

  const Dir& root_;
  const Tree& tree_;
  ApplyDirectory out_;
  std::vector<Entry> shared_;
  std::set<TreePath> touched_;  // directories
};

}  // namespace

void settle_copy(const Dir& root, const Tree& tree, const StandInSeal& seal) {
  Settler(root, tree, seal).run();
}

}  // namespace cooper::layers
