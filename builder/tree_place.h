// Where a build keeps the directories its RUN steps work in, those of their cache mounts too: in the store, or elsewhere for
// as long as it runs (--scratch), when the store's file system has no overlays, can't keep owners or is far away. Blobs,
// tables and records are the store's in any case.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cache/store.h"

namespace cooper::builder {

class TreePlace {
 public:
  // scratch: an existing directory, on any file system; empty: the store. Made before the build's namespace is entered:
  // the user's id tells the directories of users of one scratch apart. Error(denied) when somebody else could take ours away.
  TreePlace(cache::Store& store, const std::filesystem::path& scratch);
  TreePlace(const TreePlace&) = delete;
  TreePlace& operator=(const TreePlace&) = delete;
  // As close(), silently.
  ~TreePlace();
  // What is in the scratch directory goes, but for what other builds still use. Nothing that trees() gave is there any more.
  // Error: it could not be removed; the next build with this directory does.
  void close();

  // The store, or one in the scratch directory that holds nothing else: opened when first asked for, in the build's
  // namespace, by one thread. Error(denied) when somebody else could write there.
  cache::Store& trees();

 private:
  cache::Store& store_;
  std::filesystem::path scratch_;
  std::unique_ptr<cache::Store> own_;
  std::unique_ptr<cache::Lease> lease_;
};

}  // namespace cooper::builder
