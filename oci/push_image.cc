// Pushing a whole image: blobs side by side, then manifests, children first.
#include <algorithm>
#include <atomic>
#include <exception>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/guarded.h"
#include "oci/registry.h"

namespace cooper::oci {
namespace {

constexpr std::size_t kMaxManifestBytes = 4 * 1024 * 1024;
constexpr int kMaxIndexDepth = 8;

struct Manifested {
  Descriptor descriptor;
  std::string content;
};

struct Plan {
  std::vector<Descriptor> blobs;      // each once
  std::vector<Manifested> manifests;  // children before parents, the root last
  std::set<BlobDigest> seen;
};

// Layers whose licence forbids redistribution (image-spec layer.md, "Non-Distributable Layers").
bool is_foreign(const Descriptor& layer) {
  return layer.media_type.find("nondistributable") != std::string::npos ||
         layer.media_type.find(".foreign.") != std::string::npos;
}

void plan_manifest(BlobReader& blobs, const Descriptor& descriptor, int depth, Plan& plan) {
  if (depth > kMaxIndexDepth) throw Error(Errc::corrupt, "indexes are nested too deep");
  if (!plan.seen.insert(descriptor.digest).second) return;
  std::string content = read_blob(blobs, descriptor, kMaxManifestBytes);
  const std::string name = descriptor.digest.str();
  if (is_index_type(descriptor.media_type)) {
    for (const Descriptor& child : parse_index(content, name).manifests) {
      plan_manifest(blobs, child, depth + 1, plan);
    }
  } else if (is_manifest_type(descriptor.media_type)) {
    const Manifest manifest = parse_manifest(content, name);
    std::vector<Descriptor> needed = manifest.layers;
    needed.insert(needed.begin(), manifest.config);
    for (const Descriptor& blob : needed) {
      if (!is_foreign(blob) && plan.seen.insert(blob.digest).second) plan.blobs.push_back(blob);
    }
  } else {
    throw Error(Errc::unsupported,
                cat("cannot push ", name, " of type \"", descriptor.media_type, "\""));
  }
  plan.manifests.push_back({descriptor, std::move(content)});
}

// Stops a transfer under way: its next read throws.
class StoppableSource : public ByteSource {
 public:
  StoppableSource(std::unique_ptr<ByteSource> source, std::stop_token stop)
      : source_(std::move(source)), stop_(std::move(stop)) {}
  std::size_t read(std::span<std::byte> into) override {
    if (stop_.stop_requested())
      throw Error(Errc::cancelled, "cancelled: another blob could not be pushed");
    return source_->read(into);
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::stop_token stop_;
};

class StoppableReader : public BlobReader {
 public:
  StoppableReader(BlobReader& blobs, std::stop_token stop)
      : blobs_(blobs), stop_(std::move(stop)) {}
  bool has(const BlobDigest& digest) override { return blobs_.has(digest); }
  std::unique_ptr<ByteSource> open_blob(const BlobDigest& digest) override {
    return std::make_unique<StoppableSource>(blobs_.open_blob(digest), stop_);
  }

 private:
  BlobReader& blobs_;
  std::stop_token stop_;
};

void push_blobs(Registry& registry, const Reference& reference,
                const std::vector<Descriptor>& blobs, BlobReader& from, int parallel,
                const MountSource& mount_from) {
  std::stop_source stop;
  StoppableReader reader(from, stop.get_token());
  std::atomic<std::size_t> next{0};
  Guarded<std::exception_ptr> first_failure;
  const auto work = [&] {
    try {
      for (std::size_t at = next++; at < blobs.size() && !stop.stop_requested(); at = next++) {
        registry.push_blob(reference, blobs[at], reader,
                           mount_from ? mount_from(blobs[at]) : std::nullopt);
      }
    } catch (...) {  // rethrown below, on the caller's thread
      first_failure.with([&](std::exception_ptr& failure) {
        if (!failure) failure = std::current_exception();
      });
      stop.request_stop();
    }
  };
  {
    std::vector<std::jthread> workers;
    const auto wanted = static_cast<std::size_t>(std::max(parallel, 1));
    for (std::size_t count = std::min(wanted, blobs.size()); count > 1; --count)
      workers.emplace_back(work);
    work();
  }
  first_failure.with([](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace

void push_image(Registry& registry, const Reference& reference, const Descriptor& root,
                BlobReader& blobs, int parallel, const MountSource& mount_from) {
  if (reference.digest && *reference.digest != root.digest) {
    throw Error(Errc::invalid, cat("cannot push ", root.digest, " as ", reference.str()));
  }
  Plan plan;
  plan_manifest(blobs, root, 0, plan);
  push_blobs(registry, reference, plan.blobs, blobs, parallel, mount_from);
  for (const Manifested& manifest : plan.manifests) {
    Reference name{reference.registry, reference.repository, "", manifest.descriptor.digest};
    if (manifest.descriptor.digest == root.digest) name.tag = reference.tag;
    registry.push_manifest(name, manifest.descriptor, manifest.content);
  }
}

}  // namespace cooper::oci
