#include "builder/flatten.h"

#include <fcntl.h>

#include <functional>
#include <map>

#include "base/dir.h"
#include "base/error.h"
#include "base/stop.h"
#include "builder/stoppable_sink.h"
#include "layers/tar_writer.h"
#include "layers/xattr.h"

namespace cooper::builder {
namespace {

using layers::Entry;
using layers::EntryType;

// Depth first, in TreePath order: a directory before what is beneath it. after(): once its children are done.
void walk(const layers::Tree& tree, const TreePath& directory, const std::function<void(const Entry&)>& visit,
          const std::function<void(const Entry&)>& after) {
  for (const Entry& entry : tree.children(directory)) {
    visit(entry);
    if (entry.type != EntryType::directory) continue;
    walk(tree, entry.path, visit, after);
    after(entry);
  }
}

class DirectoryWriter {
 public:
  DirectoryWriter(const layers::Tree& tree, const Dir& target, const std::optional<std::int64_t>& epoch,
                  std::stop_token stop)
      : tree_(tree), target_(target), epoch_(epoch), stop_(std::move(stop)) {}

  void write(const Entry& entry) {
    const auto existing = target_.try_stat(entry.path);
    if (entry.type == EntryType::directory) {
      if (existing && !S_ISDIR(existing->st_mode)) target_.unlink(entry.path);
      if (!existing || !S_ISDIR(existing->st_mode)) {
        target_.make_dir(entry.path, 0700);
      } else if ((existing->st_mode & S_IRWXU) != S_IRWXU) {  // an earlier export may have left it read-only
        target_.set_mode(entry.path, (existing->st_mode & 07777) | S_IRWXU);  // finish() has the last word
      }
      return;
    }
    if (existing) target_.remove_all(entry.path);  // whatever it is, as the reference does
    write_leaf(entry);
  }

  void finish(const Entry& entry) {
    if (entry.type != EntryType::symlink) target_.set_mode(entry.path, entry.mode);
    target_.set_mtime(entry.path, epoch_ ? Timestamp{*epoch_, 0} : entry.mtime);
  }

 private:
  void write_leaf(const Entry& entry) {
    switch (entry.type) {
      case EntryType::file: write_file(entry); break;
      case EntryType::symlink: target_.make_symlink(entry.link_target, entry.path); break;
      case EntryType::fifo: target_.make_node(entry.path, S_IFIFO | 0600, 0); break;
      case EntryType::char_device:
      case EntryType::block_device: return;
      case EntryType::directory:
      case EntryType::hard_link:
      case EntryType::whiteout: throw std::logic_error("not a leaf of a merged tree");
    }
    finish(entry);
  }

  void write_file(const Entry& entry) {
    if (!entry.link_target.empty()) {
      const TreePath leader = TreePath::clean(entry.link_target);
      if (leader < entry.path && target_.try_stat(leader)) {
        target_.link(leader, entry.path);
        return;
      }
    }
    const UniqueFd file = target_.open_file(entry.path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    FdSink sink(file.get(), entry.path.str());
    StoppableSink stoppable(sink, stop_);
    copy_all(*tree_.open(entry), stoppable);
  }

  const layers::Tree& tree_;
  const Dir& target_;
  std::optional<std::int64_t> epoch_;
  std::stop_token stop_;
};

}  // namespace

void flatten_to_directory(const layers::Tree& tree, const std::filesystem::path& destination,
                          const std::optional<std::int64_t>& epoch, const std::stop_token& stop) {
  std::error_code failure;
  std::filesystem::create_directories(destination, failure);
  if (failure) throw SysError::making(failure.value(), destination.string());
  const Dir target = Dir::open(destination, Confine::strict);
  DirectoryWriter writer(tree, target, epoch, stop);
  walk(
      tree, TreePath(),
      [&](const Entry& entry) {
        end_if_stopped(stop);
        writer.write(entry);
      },
      [&](const Entry& entry) { writer.finish(entry); });
}

namespace {

class TarFlattener {
 public:
  TarFlattener(layers::TarWriter& writer, const std::optional<std::int64_t>& epoch) : writer_(writer), epoch_(epoch) {}

  void add(const TreeInFolder& what) {
    if (!what.folder.empty()) {
      Entry folder;
      folder.path = TreePath::clean(what.folder);
      folder.type = EntryType::directory;
      folder.mode = 0755;
      folder.mtime = {epoch_.value_or(0), 0};
      writer_.add(folder, nullptr);
    }
    walk(*what.tree, TreePath(), [&](const Entry& entry) { write(what, entry); }, [](const Entry&) {});
  }

 private:
  static TreePath in_folder(const TreeInFolder& what, const TreePath& path) {
    return what.folder.empty() ? path : TreePath::clean(what.folder + "/" + path.str());
  }

  void write(const TreeInFolder& what, const Entry& entry) {
    Entry row = entry;
    row.path = in_folder(what, entry.path);
    if (epoch_) row.mtime = {*epoch_, 0};
    row.mtime.nanoseconds = 0;
    row.opaque = false;
    row.xattrs.erase_if([](const auto& xattr) { return !layers::allowed_in_layer(xattr.first, true); });
    if (row.type == EntryType::file && !row.link_target.empty()) {
      const TreePath leader = TreePath::clean(row.link_target);
      row.link_target.clear();
      if (leader < entry.path) {
        row.type = EntryType::hard_link;
        row.link_target = in_folder(what, leader).str();
        row.size_bytes = 0;
        writer_.add(row, nullptr);
        return;
      }
    }
    const auto content = row.type == EntryType::file ? what.tree->open(entry) : nullptr;
    writer_.add(row, content.get());
  }

  layers::TarWriter& writer_;
  const std::optional<std::int64_t>& epoch_;
};

}  // namespace

void flatten_to_tar(const std::vector<TreeInFolder>& trees, const std::optional<std::int64_t>& epoch, ByteSink& out) {
  layers::TarWriter writer(out);
  TarFlattener flattener(writer, epoch);
  for (const TreeInFolder& each : trees) flattener.add(each);
  writer.finish();
}

}  // namespace cooper::builder
