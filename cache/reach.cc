#include "cache/reach.h"

#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "oci/image.h"

namespace cooper::cache {
namespace {

constexpr int kMaxDepth = 8;  // of indexes within indexes

class Walk {
 public:
  explicit Walk(Objects& objects) : objects_(objects) {}

  void visit(const oci::Descriptor& descriptor, int depth) {
    const oci::Digest& digest = descriptor.digest.value;
    if (!add({ObjectKind::blob, digest}) || depth > kMaxDepth) return;
    const bool index = oci::is_index_type(descriptor.media_type);
    if (!index && !oci::is_manifest_type(descriptor.media_type)) return;
    const std::optional<std::string> text = objects_.peek(digest, kDocumentLimitBytes);
    if (!text) return;
    try {
      if (index) {
        for (const oci::Descriptor& child : oci::parse_index(*text, digest.str()).manifests) {
          visit(child, depth + 1);
        }
        return;
      }
      const oci::Manifest manifest = oci::parse_manifest(*text, digest.str());
      add({ObjectKind::blob, manifest.config.digest.value});
      for (const oci::Descriptor& layer : manifest.layers) {
        add({ObjectKind::blob, layer.digest.value});
      }
      visit_config(manifest.config.digest.value);
    } catch (const Error&) {
      // A document that cannot be read points to nothing; verify tells of it.
    }
  }
  Reached finish() { return std::move(reached_); }

 private:
  bool add(const ObjectId& id) {
    if (!seen_.insert(id).second) return false;
    reached_.objects.push_back(id);
    return true;
  }
  void visit_config(const oci::Digest& digest) {
    const std::optional<std::string> text = objects_.peek(digest, kDocumentLimitBytes);
    if (!text) return;
    std::optional<oci::ChainId> chain;
    for (const oci::DiffId& diff_id : oci::parse_config(*text, digest.str()).diff_ids) {
      add({ObjectKind::table, diff_id.value});
      chain = oci::chain_id(chain, diff_id);
      if (chains_.insert(chain->value).second) reached_.chains.push_back(chain->value);
    }
  }

  Objects& objects_;
  Reached reached_;
  std::set<ObjectId> seen_;
  std::set<oci::Digest> chains_;
};

}  // namespace

Reached reach(Objects& objects, const oci::Descriptor& root) {
  Walk walk(objects);
  walk.visit(root, 0);
  return walk.finish();
}

}  // namespace cooper::cache
