// Making room.
//
// First goes what no name reaches (results of steps, trees, RUN cache mounts, leftovers), least
// recently used first; then, with `all`, names, least recently used first, each with what only it
// reached. Whatever a live build uses stays: objects carry the time of their last use (leases.h),
// and using the root of an image keeps the whole image, since a name's root is removed before the
// things it points to and only when unused. With `all`, no filter and nobody else there, the
// directory is left empty.
#pragma once

#include <cstdint>
#include <functional>

#include "cache/cache_mounts.h"
#include "cache/ingest.h"
#include "cache/leases.h"
#include "cache/objects.h"
#include "cache/records.h"
#include "cache/store.h"
#include "cache/store_root.h"
#include "cache/trees.h"

namespace cooper::cache {

struct StoreParts {
  StoreRoot& root;
  Ingest& ingest;
  Leases& leases;
  Objects& objects;
  Trees& trees;
  CacheMounts& mounts;
  Records& records;
};

PruneResult prune_store(const StoreParts& parts, const PruneOptions& options);

// What a limit asks for (cache/room.h): prune's order and prune's care, stopped when so much is free.
struct RoomRequest {
  std::uint64_t needed_bytes = 0;  // with names: nothing goes when so much is not to be had
  std::uint64_t wished_bytes = 0;  // what no name reaches goes until this much is free
  bool names = false;              // names are given up, too, until what is needed is free
  std::function<void(const oci::Reference&)> gave_up;  // told of every name
};
PruneResult make_room(const StoreParts& parts, const RoomRequest& request);

// Objects, trees and RUN cache mounts.
std::uint64_t store_size(const StoreParts& parts);
// One line per problem (Store::verify).
std::vector<std::string> verify_store(const StoreParts& parts, bool repair);

}  // namespace cooper::cache
