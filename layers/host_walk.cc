#include "layers/host_walk.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace cooper::layers {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;
using FileId = std::pair<dev_t, ino_t>;

struct Found {
  Entry entry;
  bool taken = true;     // else a directory that appears only if something beneath it is taken
  bool implied = false;  // not taken by the guide (a filter's parents are ordinary, IGNORE-08)
  bool descend = false;
  std::optional<FileId> links;  // a file with several names
};

class TakeAll : public WalkGuide {
 public:
  WalkChoice choose(const TreePath&, bool) const override { return {}; }
};

class HostWalk {
 public:
  HostWalk(const Dir& root, const HostTreeOptions& options, const TreePath& top,
           const WalkGuide& guide)
      : root_(root),
        options_(options),
        filter_(options.filter.get()),
        top_(top),
        guide_(guide),
        reader_(root, top, options.memory) {}

  Walked run() && {
    descend(TreePath());
    return std::move(walked_);
  }

 private:
  void descend(const TreePath& relative) {
    for (Found& found : look(relative)) {
      if (found.entry.type == EntryType::directory) {
        add_directory(found);
      } else {
        add_file(found);
      }
    }
  }

  void add_directory(Found& found) {
    const TreePath path = found.entry.path;
    const std::size_t index = walked_.entries.size();
    walked_.entries.push_back(std::move(found.entry));
    if (found.implied) walked_.implied.push_back(index);
    if (found.descend) descend(path);
    if (found.taken || walked_.entries.size() > index + 1) return;
    walked_.entries.pop_back();
    if (found.implied) walked_.implied.pop_back();
  }

  void add_file(Found& found) {
    if (found.links) {
      const auto [first, is_first] = first_names_.try_emplace(*found.links, found.entry.path.str());
      if (!is_first) found.entry.link_target = first->second;
    }
    walked_.entries.push_back(std::move(found.entry));
  }

  // One directory, sorted. It is closed before anything beneath is opened, so that depth costs no descriptors.
  std::vector<Found> look(const TreePath& relative) {
    const OpenDirectory directory = open_directory(relative);
    const std::vector<std::string> names = read_names(directory.get(), relative);
    std::vector<Found> all;
    all.reserve(names.size());
    for (const std::string& name : names) {
      if (auto found = consider(::dirfd(directory.get()), name, relative)) {
        all.push_back(*std::move(found));
      }
    }
    return all;
  }

  OpenDirectory open_directory(const TreePath& relative) const {
    UniqueFd fd = root_.open_file(top_ / relative, O_RDONLY | O_DIRECTORY);
    OpenDirectory directory(::fdopendir(fd.get()));
    if (!directory) throw_errno("reading directory", reader_.describe(relative));
    static_cast<void>(fd.release());  // closedir closes it
    return directory;
  }

  std::vector<std::string> read_names(DIR* directory, const TreePath& relative) const {
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) throw_errno("reading directory", reader_.describe(relative));
    std::sort(names.begin(), names.end());
    return names;
  }

  std::optional<Found> consider(int directory, const std::string& name, const TreePath& parent) {
    TreePath path = parent.child(name);
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return std::nullopt;  // gone since the directory was read
      throw_errno("looking at", reader_.describe(path));
    }
    Found found;
    if (!choose(path, S_ISDIR(status.st_mode), found)) return std::nullopt;
    auto entry = reader_.read(directory, name.c_str(), std::move(path), status);
    if (!entry) return std::nullopt;
    found.entry = *std::move(entry);
    if (S_ISREG(status.st_mode) && status.st_nlink > 1) {
      found.links = FileId(status.st_dev, status.st_ino);
    }
    return found;
  }

  // False: nothing of it is wanted. A directory that the filter excludes is there all the same when something
  // beneath it is included again (IGNORE-08).
  bool choose(const TreePath& path, bool is_directory, Found& found) const {
    const WalkChoice choice = guide_.choose(path, is_directory);
    found.taken = choice.take;
    found.implied = !choice.take;
    found.descend = is_directory && choice.descend;
    if (!choice.take && !found.descend) return false;
    if (filter_ == nullptr) return true;
    const TreePath whole = top_ / path;
    if (!filter_->excluded(whole, is_directory)) return true;
    if (!is_directory || filter_->prunable(whole)) return false;
    found.taken = false;
    if (found.descend) return true;
    found.taken = !walk_host(root_, options_, whole, TakeAll()).entries.empty();
    return found.taken;
  }

  const Dir& root_;
  const HostTreeOptions& options_;
  const PathFilter* filter_;
  const TreePath& top_;
  const WalkGuide& guide_;
  HostReader reader_;
  std::map<FileId, std::string> first_names_;
  Walked walked_;
};

}  // namespace

Walked walk_host(const Dir& root, const HostTreeOptions& options, const TreePath& top,
                 const WalkGuide& guide) {
  return HostWalk(root, options, top, guide).run();
}

}  // namespace cooper::layers
