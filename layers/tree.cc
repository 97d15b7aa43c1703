#include "layers/tree.h"

#include <deque>

#include "base/error.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

class OneByOne : public FileOpener {
 public:
  explicit OneByOne(const Tree& tree) : tree_(tree) {}
  OpenedFile open(const Entry& file) override { return {tree_.open(file)}; }

 private:
  const Tree& tree_;
};

constexpr int kMaxHops = 40;  // as the kernel's MAXSYMLINKS

enum class Missing { fail, keep };

// Walks path component by component from the root of the tree. `at` is always free of symlinks.
class Resolver {
 public:
  Resolver(const FindEntry& find, const TreePath& path, bool follow_last, Missing missing)
      : find_(find), whole_(path), follow_last_(follow_last), missing_(missing) {
    push_front(path.str());
  }

  std::optional<TreePath> run() {
    while (!todo_.empty()) {
      const std::string part = std::move(todo_.front());
      todo_.pop_front();
      if (part == "..") {
        at_ = at_.parent();
        absent_ = absent_ && !at_.is_root() && !find_(at_);
      } else if (!step(part)) {
        return std::nullopt;
      }
    }
    return at_;
  }

 private:
  // Components of text before whatever is still to do.
  void push_front(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
      const std::size_t slash = text.find('/');
      const std::string_view part = text.substr(0, slash);
      text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
      if (!part.empty() && part != ".") parts.emplace_back(part);
    }
    todo_.insert(todo_.begin(), parts.begin(), parts.end());
  }

  bool step(const std::string& part) {
    const TreePath next = at_.child(part);
    const auto entry = absent_ ? std::nullopt : find_(next);
    if (!entry) {
      if (missing_ == Missing::fail) return false;
      absent_ = true;
      at_ = next;
      return true;
    }
    if (entry->type == EntryType::symlink && (follow_last_ || !todo_.empty())) {
      if (++hops_ > kMaxHops) {
        throw Error(Errc::invalid, cat(whole_.absolute(), ": too many levels of symbolic links"));
      }
      if (entry->link_target.starts_with('/')) at_ = TreePath();
      push_front(entry->link_target);
      return true;
    }
    if (entry->type != EntryType::directory && !todo_.empty() && missing_ == Missing::fail) {
      return false;
    }
    at_ = next;
    return true;
  }

  const FindEntry& find_;
  const TreePath& whole_;
  const bool follow_last_;
  const Missing missing_;
  std::deque<std::string> todo_;
  TreePath at_;
  bool absent_ = false;  // at_ does not exist, so nothing beneath it does
  int hops_ = 0;
};

}  // namespace

void settle_unread(Entry& file, std::optional<std::string> capability) {
  if (capability) file.xattrs.emplace(kCapability, *std::move(capability));
  file.unread = false;
}

std::unique_ptr<FileOpener> Tree::opener() const {
  return std::make_unique<OneByOne>(*this);
}

std::optional<TreePath> resolve(const Tree& tree, const TreePath& path, bool follow_last) {
  const FindEntry find = [&tree](const TreePath& at) { return tree.find(at); };
  return Resolver(find, path, follow_last, Missing::fail).run();
}

TreePath resolve_for_creation(const Tree& tree, const TreePath& path) {
  return resolve_for_creation([&tree](const TreePath& at) { return tree.find(at); }, path);
}

TreePath resolve_for_creation(const FindEntry& find, const TreePath& path) {
  return *Resolver(find, path, true, Missing::keep).run();
}

}  // namespace cooper::layers
