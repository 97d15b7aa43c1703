// Rows that are not files: what steps gave, what names mean, remembered facts.
//
// Steps and early cutoffs share one table; the first byte of a key says which. A record that names
// a layer counts only while the layer's blob does, and is used when the blob is. A record without a
// layer has no file to carry the time of its last use: uses are gathered and written when a build
// ends.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "cache/leases.h"
#include "cache/objects.h"
#include "cache/store.h"
#include "cache/store_root.h"

namespace cooper::cache {

std::string step_key(const StepKey& key);
std::string equal_key(const std::optional<oci::ChainId>& parent, const oci::ContentDigest& content);

class Records {
 public:
  Records(StoreRoot& root, Objects& objects, const Leases& leases)
      : root_(root), objects_(objects), leases_(leases) {}

  std::optional<StepRecord> find(const std::string& key);
  void put(const std::string& key, const StepRecord& record);
  bool any_like(const std::string& begin, const std::string& end);  // of the inputs
  // Writes down the uses gathered so far.
  void flush_uses();

  std::optional<oci::Descriptor> find_name(const oci::Reference& reference);
  void put_name(const oci::Reference& reference, const oci::Descriptor& root,
                const std::string& created);
  bool remove_name(const oci::Reference& reference);
  std::vector<NamedImage> names();

  std::optional<std::string> find_fact(const std::string& kind, const std::string& key);
  void put_fact(const std::string& kind, const std::string& key, const std::string& value);
  std::map<std::string, std::string> facts(const std::string& kind);
  void drop_fact(const std::string& kind, const std::string& key);

  // -- for care -----------------------------------------------------------------------------------
  struct Damage {
    std::string what;
    std::string key;  // of a record; empty: a name
    std::string reference;
  };
  // Records that cannot be read or whose blob has no row; names that cannot be read.
  std::vector<Damage> damaged_rows();
  void drop(const Damage& damage);
  // Forgets what nobody used since `before`: records without a layer, facts.
  void forget_unused(Nanoseconds records_before, Nanoseconds facts_before);

 private:
  struct Row {
    StepRecord record;
    Nanoseconds used = 0;
    bool damaged = false;
  };
  std::optional<Row> read(const std::string& key);
  void drop_record(const std::string& key, const std::optional<oci::Digest>& blob);

  StoreRoot& root_;
  Objects& objects_;
  const Leases& leases_;
  Guarded<std::map<std::string, Nanoseconds>> uses_;
};

}  // namespace cooper::cache
