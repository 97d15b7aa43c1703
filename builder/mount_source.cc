#include "builder/mount_source.h"

#include "base/error.h"

namespace cooper::builder {

MountSource select_mount_source(std::shared_ptr<const layers::Tree> tree, const std::string& path) {
  layers::CopyRequest request;
  request.sources.push_back({path, true});
  MountSource source{layers::select(std::move(tree), request), {}};
  source.content = layers::selection_digest(source.selection);
  // A step sees the directory itself, of which a COPY takes the contents only.
  if (source.is_directory()) {
    const layers::Entry& top = source.top();
    source.content = {oci::sha256(cat(source.content.str(), " ", top.mode, " ", top.uid, " ", top.gid))};
  }
  return source;
}

}  // namespace cooper::builder
