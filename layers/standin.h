// What a directory could not hold of an entry, kept beside its stand-in in the xattr
// "user.cooper.override".
//
// Text of ';'-separated keys, only those that differ: type=c|b, major=N, minor=N, uid=TRUE/SEEN,
// gid=TRUE/SEEN, mode=TRUE/SEEN (octal), cap=HEX; then content=SHA256 where it counts, owner=SEEN
// and seal=HEX. SEEN is what stat
// said of the stand-in when it was made: a step that changes the owner or mode of a stand-in
// changes SEEN, and its own word counts from then on.
//
// Processes of a RUN may write such attributes, too, and copy those they can read. So only a sealed
// text counts (a MAC by a secret of the store), and only on a file that still has the owner it was
// sealed with, or of the name that is that very entry in the layers below. Set-id bits and
// capabilities of a file moreover want the content they were sealed with, as the kernel takes them
// from a program that is written to. So nobody gives a program of his own another owner's rights.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "layers/entry.h"

namespace cooper::layers {

struct StandIn {
  struct Value {
    std::uint32_t meant = 0;
    std::uint32_t seen = 0;
    friend bool operator==(const Value&, const Value&) = default;
  };
  struct Device {
    EntryType type = EntryType::char_device;
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    friend bool operator==(const Device&, const Device&) = default;
  };
  std::optional<Device> device;
  std::optional<Value> uid;
  std::optional<Value> gid;
  std::optional<Value> mode;
  std::optional<std::string> capability;
  std::uint32_t owner = 0;             // uid of the stand-in when it was made
  std::optional<oci::Digest> content;  // of a file with mode or capability

  bool empty() const { return !device && !uid && !gid && !mode && !capability; }
  std::string encode() const;
  static std::optional<StandIn> parse(std::string_view text);  // nullopt: malformed
  // Whether it may speak of `seen`, an entry as stat tells it; `below`: what the layers below have
  // of the same name.
  bool speaks_of(const Entry& seen, const std::optional<Entry>& below) const;
  // Turns what stat says of a stand-in into what it stands for. digest: of its content as it is
  // now; asked for if it counts.
  void apply(Entry& entry, const std::function<oci::Digest()>& digest) const;
  friend bool operator==(const StandIn&, const StandIn&) = default;
};

// Vouches for the texts of one store's stand-ins.
class StandInSeal {
 public:
  explicit StandInSeal(std::string secret) : secret_(std::move(secret)) {}
  std::string seal(const StandIn& stand_in) const;
  std::optional<StandIn> open(
      std::string_view text) const;  // nullopt: malformed, or not sealed by us

 private:
  std::string code(std::string_view text) const;
  std::string secret_;
};

}  // namespace cooper::layers
