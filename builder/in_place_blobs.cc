#include "builder/in_place_blobs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/dir.h"
#include "base/error.h"
#include "cache/layout.h"

namespace cooper::builder {

std::unique_ptr<ByteSource> open_in_place(const std::filesystem::path& directory, const oci::Descriptor& blob) {
  const Dir dir = Dir::open(directory, Confine::strict);
  const TreePath in_layout = TreePath::clean(cache::layout::kBlobs).child(blob.digest.value.hex());
  for (const TreePath& path : {cache::layout::blob(blob.digest.value), in_layout}) {
    // O_NONBLOCK: a named pipe must not make us wait.
    std::optional<UniqueFd> file = dir.try_open_file(path, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (!file || ::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (static_cast<std::uint64_t>(status.st_size) != blob.size_bytes) continue;
    const std::string name = (directory / path.str()).string();
    return std::make_unique<oci::VerifyingSource>(std::make_unique<FdSource>(std::move(*file), name), blob.digest.value,
                                                  blob.size_bytes, name);
  }
  return nullptr;
}

}  // namespace cooper::builder
