#include "oci/layout.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "oci/json_value.h"
#include "oci/layout_format.h"

namespace cooper::oci {
namespace {

constexpr std::size_t kMaxLayoutFileBytes = 4096;

const TreePath kLayoutFile = TreePath::clean("oci-layout");
const TreePath kIndexFile = TreePath::clean("index.json");
const TreePath kBlobDir = TreePath::clean("blobs/sha256");

TreePath blob_path(const BlobDigest& digest) {
  return kBlobDir.child(digest.hex());
}

// A name nobody else uses, for a file that is not complete yet.
TreePath unfinished_path() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    throw_errno("reading", "random bytes");
  return TreePath::clean(cat(".unfinished-", std::hex, number));
}

// A file that appears under its name when it is complete, or never.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(Dir dir)
      : dir_(std::move(dir)),
        path_(unfinished_path()),
        fd_(dir_.open_file(path_, O_WRONLY | O_CREAT | O_EXCL, 0644)),
        sink_(fd_.get(), dir_.label() + "/" + path_.str()) {}
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;
  ~UnfinishedFile() {
    if (published_) return;
    try {
      dir_.unlink(path_);
    } catch (const Error&) {  // a destructor stays silent; the file is named as unfinished
    }
  }

  void write(Bytes bytes) { sink_.write(bytes); }
  void publish(const TreePath& path) {
    dir_.rename(path_, path);
    published_ = true;
  }

 private:
  Dir dir_;
  TreePath path_;
  UniqueFd fd_;
  FdSink sink_;
  bool published_ = false;
};

class LayoutBlobWriter : public BlobWriter {
 public:
  explicit LayoutBlobWriter(Dir dir) : file_(std::move(dir)) {}

  void write(Bytes bytes) override {
    hasher_.update(bytes);
    file_.write(bytes);
    size_bytes_ += bytes.size();
  }

  std::pair<BlobDigest, std::uint64_t> commit(const std::optional<BlobDigest>& expected) override {
    const BlobDigest digest{hasher_.finish()};
    if (expected && *expected != digest) {
      throw Error(Errc::corrupt, cat("expected blob ", *expected, " but got ", digest));
    }
    file_.publish(blob_path(digest));  // over an equal blob, too: it heals a damaged one
    return {digest, size_bytes_};
  }

 private:
  UnfinishedFile file_;
  Sha256 hasher_;
  std::uint64_t size_bytes_ = 0;
};

// Held while the index is read and replaced, against other writers of the same layout.
UniqueFd lock_layout(const Dir& dir) {
  UniqueFd fd = dir.open_file(TreePath(), O_RDONLY | O_DIRECTORY);
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw_errno("locking", dir.label());
  }
  return fd;
}

void replace_file(const Dir& dir, const TreePath& path, std::string_view content) {
  UnfinishedFile file(dir.duplicate());
  file.write(as_bytes(content));
  file.publish(path);
}

std::string annotation(const Descriptor& entry, std::string_view key) {
  const auto found = entry.annotations.find(std::string(key));
  return found == entry.annotations.end() ? std::string() : found->second;
}

// Full names decide where both entries have one, because a/x:v1 and b/x:v1 share the ref name v1.
bool takes_place_of(const Descriptor& newer, const Descriptor& older) {
  const std::string new_image = annotation(newer, kImageNameAnnotation);
  const std::string old_image = annotation(older, kImageNameAnnotation);
  if (!new_image.empty() && !old_image.empty()) return new_image == old_image;
  const std::string new_ref = annotation(newer, kRefNameAnnotation);
  const std::string old_ref = annotation(older, kRefNameAnnotation);
  if (!new_ref.empty()) return new_ref == old_ref;
  return old_ref.empty() && newer.digest == older.digest;
}

}  // namespace

void check_layout_file(std::string_view json, const std::string& name) {
  const JsonValue value = parse_json(json, name);
  const JsonCursor version = JsonCursor(value, name).at("imageLayoutVersion");
  if (!version.text().starts_with("1.")) {
    throw Error(Errc::unsupported, cat(name, ": image layout version ", version.text(),
                                       " is not supported, only 1.0.0"));
  }
}

LayoutDir::LayoutDir(Dir dir) : dir_(std::move(dir)) {}

LayoutDir LayoutDir::open(const std::filesystem::path& path) {
  Dir dir = Dir::open(path, Confine::strict);
  if (!dir.try_stat(kLayoutFile)) {
    throw Error(Errc::corrupt,
                cat(path.string(), " is not an OCI image layout: it has no oci-layout"));
  }
  check_layout_file(dir.read_file(kLayoutFile, kMaxLayoutFileBytes), path.string() + "/oci-layout");
  return LayoutDir(std::move(dir));
}

LayoutDir LayoutDir::create(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw SysError(error.value(), cat("creating ", path.string()));
  Dir dir = Dir::open(path, Confine::strict);
  const UniqueFd lock = lock_layout(dir);
  if (!dir.try_stat(kLayoutFile)) {
    dir.make_dirs(kBlobDir, 0755);
    // oci-layout last: with it the directory is a layout, and a whole one.
    if (!dir.try_stat(kIndexFile)) replace_file(dir, kIndexFile, to_json(Index{}));
    replace_file(dir, kLayoutFile, kLayoutContent);
  }
  LayoutDir layout = open(path);
  layout.dir_.make_dirs(kBlobDir, 0755);  // an empty layout may come without
  return layout;
}

bool LayoutDir::has(const BlobDigest& digest) {
  const auto status = dir_.try_stat(blob_path(digest));
  return status && S_ISREG(status->st_mode);
}

std::unique_ptr<ByteSource> LayoutDir::open_blob(const BlobDigest& digest) {
  const TreePath path = blob_path(digest);
  // O_NONBLOCK: a named pipe in a foreign layout must not make us wait.
  auto fd = dir_.try_open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd) throw Error(Errc::not_found, cat("no blob ", digest, " in ", dir_.label()));
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) throw_errno("looking at", path.str());
  if (!S_ISREG(status.st_mode)) {
    throw Error(Errc::corrupt,
                cat("blob ", digest, " in ", dir_.label(), " is not a regular file"));
  }
  return std::make_unique<FdSource>(std::move(*fd), dir_.label() + "/" + path.str());
}

std::unique_ptr<BlobWriter> LayoutDir::new_blob() {
  return std::make_unique<LayoutBlobWriter>(dir_.duplicate());
}

Index LayoutDir::index() const {
  return parse_index(dir_.read_file(kIndexFile, kMaxManifestBytes), dir_.label() + "/index.json");
}

void LayoutDir::add_to_index(const std::vector<Descriptor>& entries) {
  const UniqueFd lock = lock_layout(dir_);
  Index merged = index();
  for (const Descriptor& entry : entries) {
    std::erase_if(merged.manifests,
                  [&](const Descriptor& older) { return takes_place_of(entry, older); });
    merged.manifests.push_back(entry);
  }
  replace_file(dir_, kIndexFile, to_json(merged));
}

}  // namespace cooper::oci
