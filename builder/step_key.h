// Cache keys (rows CACHE-01 … CACHE-14): a canonical record of everything that may change a step's result, and nothing
// else. The key is the SHA-256 of the record's text; the text is kept with the result so that a miss can be explained.
//
// A record is JSON with sorted members: equal inputs, equal bytes. Every record begins with the format version;
// changing what a record means raises it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/plan.h"
#include "cache/store.h"
#include "layers/copy.h"

namespace cooper::builder {

// How the build makes layers, as far as it shows in them.
struct Making {
  std::optional<std::int64_t> epoch;  // of what is not made by a process
  bool keep_xattrs = false;
};

struct KeyedRecord {
  std::string text;
  cache::StepKey key;
};

// What a mount contributes: a bind its selected content (MNT-12), the others only their layout. `machine` says how this
// machine's results differ from those of others; "": not at all.
KeyedRecord run_record(const RunStep& step, const std::optional<oci::ChainId>& parent, const std::string& machine,
                       const std::vector<std::optional<oci::ContentDigest>>& mount_content,
                       const Making& making = {});

// `owner` is --chown resolved, with the look-up files' digest when a name was looked up (CACHE-08). A --link copy has
// no parent (COPY-26).
KeyedRecord copy_record(const CopyStep& step, const std::optional<oci::ChainId>& parent,
                        const std::vector<oci::ContentDigest>& selections, const std::optional<layers::Owner>& owner,
                        const Making& making);

// How the texts of records begin and end that copy_record makes of other selections.
struct CopyKind {
  std::string begin;
  std::string end;
};
CopyKind copy_kind(const CopyStep& step, const std::optional<oci::ChainId>& parent,
                   const std::optional<layers::Owner>& owner, const Making& making);

KeyedRecord make_dir_record(const MakeDirStep& step, const std::optional<oci::ChainId>& parent,
                            const Making& making);

}  // namespace cooper::builder
