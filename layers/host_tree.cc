#include "layers/host_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "layers/host_walk.h"

namespace cooper::layers {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

// Says at its end whether the file stayed what it was when it was opened.
class HostFile : public ByteSource {
 public:
  HostFile(UniqueFd fd, const struct stat& status, std::string name)
      : fd_(std::move(fd)), status_(status), name_(std::move(name)) {}

  std::size_t read(std::span<std::byte> into) override {
    if (ended_) return 0;
    ssize_t got = -1;
    do {
      got = ::read(fd_.get(), into.data(), into.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw_errno("reading", name_);
    read_bytes_ += got;
    if (got == 0 || read_bytes_ >= status_.st_size) {
      check();
      ended_ = true;
    }
    return static_cast<std::size_t>(got);
  }

 private:
  void check() const {
    struct stat now {};
    if (::fstat(fd_.get(), &now) != 0) throw_errno("looking at", name_);
    const bool same = now.st_size == status_.st_size && read_bytes_ == status_.st_size &&
                      now.st_mtim.tv_sec == status_.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == status_.st_mtim.tv_nsec;
    if (!same) throw Error(Errc::io, cat(name_, " changed while it was being read"));
  }

  UniqueFd fd_;
  struct stat status_;
  std::string name_;
  off_t read_bytes_ = 0;
  bool ended_ = false;
};

FileContent content_in(HostFile& file) {
  oci::Sha256 hasher;
  Fingerprinter fingerprinter;
  std::array<std::byte, kReadBytes> buffer;
  for (;;) {
    const std::size_t got = file.read(buffer);
    if (got == 0) return {{hasher.finish()}, fingerprinter.finish()};
    hasher.update(Bytes(buffer).first(got));
    fingerprinter.update(Bytes(buffer).first(got));
  }
}

std::string describe(const Dir& root, const TreePath& path) {
  return root.label() + path.absolute();
}

bool is_as(const Entry& entry, const struct stat& status) {
  return S_ISREG(status.st_mode) &&
         entry.size_bytes == static_cast<std::uint64_t>(status.st_size) &&
         entry.mtime.seconds == status.st_mtim.tv_sec &&
         entry.mtime.nanoseconds == static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
}

// Opened for reading, without waiting for a FIFO put in its place; what it is now must be what the
// entry says. path: seen from `root`, which need not be the tree's.
UniqueFd open_unchanged(const Dir& root, const TreePath& path, const Entry& file,
                        struct stat& status) {
  UniqueFd fd = root.open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (::fstat(fd.get(), &status) != 0) throw_errno("looking at", describe(root, path));
  if (!is_as(file, status)) {
    throw Error(Errc::io, cat(describe(root, path), " changed since the build began to read it"));
  }
  return fd;
}

// Within the directory of the file before, as long as that is the next one's too.
class HostOpener : public FileOpener {
 public:
  HostOpener(const Dir& root, DigestMemory* memory) : root_(root), memory_(memory) {}

  OpenedFile open(const Entry& file) override {
    enter(file.path.parent());
    const TreePath name = TreePath().child(file.path.name());
    UniqueFd fd = open_unchanged(*directory_, name, file, status_);
    const std::string what = describe(*directory_, name);
    // A file that is to be learnt may have been given one since it was selected.
    auto capability = file.content ? std::nullopt : read_capability(fd.get(), what);
    remembers_ = memory_ != nullptr && !capability &&
                 local_.is_local(status_.st_dev, [&] { return fd.get(); });
    return {std::make_unique<HostFile>(std::move(fd), status_, what), std::move(capability)};
  }

  void learn(const oci::ContentDigest& content) override {
    if (remembers_) memory_->remember(status_, content);
  }

 private:
  void enter(TreePath parent) {
    if (directory_ && parent_ == parent) return;
    directory_.emplace(root_.subdir(parent));
    parent_ = std::move(parent);
  }

  const Dir& root_;
  DigestMemory* memory_;
  TreePath parent_;
  std::optional<Dir> directory_;  // parent_
  struct stat status_ {};         // of the file opened last, as it was then
  bool remembers_ = false;        // that file
  LocalDevices local_;
};

class TakeAll : public WalkGuide {
 public:
  explicit TakeAll(bool descend) : descend_(descend) {}
  WalkChoice choose(const TreePath&, bool) const override { return {true, descend_}; }

 private:
  bool descend_;
};

Dir strict(const Dir& root) {
  UniqueFd fd(::fcntl(root.fd(), F_DUPFD_CLOEXEC, 3));  // never one of the standard three
  if (!fd) throw_errno("duplicating the descriptor of", root.label());
  return Dir(std::move(fd), Confine::strict, root.label());
}

}  // namespace

HostTree::HostTree(const Dir& root, HostTreeOptions options)
    : root_(strict(root)), options_(std::move(options)) {}

std::optional<Entry> HostTree::find(const TreePath& path) const {
  if (path.is_root()) {
    const struct stat status = root_.stat(path);
    return HostReader(root_, TreePath(), options_).read(root_.fd(), "", path, status);
  }
  const auto parent = open_directory(path.parent());
  if (!parent) return std::nullopt;
  const std::string name(path.name());
  struct stat status {};
  if (::fstatat(parent->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw_errno("looking at", describe(root_, path));
  }
  if (!visible(path, S_ISDIR(status.st_mode))) return std::nullopt;
  return HostReader(root_, TreePath(), options_).read(parent->get(), name.c_str(), path, status);
}

std::string HostTree::hidden_by(const TreePath& path) const {
  const auto parent = open_directory(path.parent());
  struct stat status {};
  const std::string name(path.name());
  if (!parent || ::fstatat(parent->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return {};
  return visible(path, S_ISDIR(status.st_mode)) ? std::string()
                                                : options_.filter->excluded_by(path);
}

// nullopt: absent, or reached through something that is no directory.
std::optional<UniqueFd> HostTree::open_directory(const TreePath& path) const {
  try {
    return root_.try_open_file(path, O_PATH | O_DIRECTORY);
  } catch (const SysError& error) {
    if (error.errnum() == ELOOP) return std::nullopt;  // a symlink on the way
    throw;
  }
}

// An excluded directory is there all the same when something beneath it is included again
// (IGNORE-08).
bool HostTree::visible(const TreePath& path, bool is_directory) const {
  if (!options_.filter || !options_.filter->excluded(path, is_directory)) return true;
  if (!is_directory || options_.filter->prunable(path)) return false;
  return !walk_host(root_, options_, path, TakeAll(true), Contents::leave).entries.empty();
}

std::vector<Entry> HostTree::children(const TreePath& directory) const {
  if (!open_directory(directory)) return {};
  std::vector<Entry> all =
      walk_host(root_, options_, directory, TakeAll(false), Contents::leave).entries;
  for (Entry& entry : all) {
    entry.path = directory / entry.path;
    entry.link_target =
        entry.type == EntryType::file ? std::string() : std::move(entry.link_target);
  }
  return all;
}

std::unique_ptr<ByteSource> HostTree::open(const Entry& file) const {
  struct stat status {};
  UniqueFd fd = open_unchanged(root_, file.path, file, status);
  return std::make_unique<HostFile>(std::move(fd), status, describe(root_, file.path));
}

std::unique_ptr<FileOpener> HostTree::opener() const {
  return std::make_unique<HostOpener>(root_, options_.memory);
}

FileContent HostTree::content_of(const Entry& file) const {
  if (file.content) return {*file.content, file.fingerprint};
  struct stat status {};
  UniqueFd fd = open_unchanged(root_, file.path, file, status);
  const std::string name = describe(root_, file.path);
  DigestMemory* memory = is_local_file_system(fd.get()) ? options_.memory : nullptr;
  if (memory != nullptr) {
    if (const auto known = memory->recall(status)) return {*known};
  }
  auto capability = memory != nullptr || file.unread ? read_capability(fd.get(), name)
                                                     : std::optional<std::string>();
  HostFile source(std::move(fd), status, name);
  FileContent content = content_in(source);
  if (memory != nullptr && !capability) memory->remember(status, content.digest);
  content.capability = std::move(capability);
  return content;
}

Walked HostTree::walk(const TreePath& directory, const WalkGuide& guide) const {
  const bool unread = guide.leaves_unread() && !options_.keep_xattrs;
  return walk_host(root_, options_, directory, guide,
                   unread ? Contents::unread : Contents::digest_small);
}

std::unique_ptr<Tree> open_host_tree(Dir root, HostTreeOptions options) {
  return std::make_unique<HostTree>(root, std::move(options));
}

}  // namespace cooper::layers
