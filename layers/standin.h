// What a directory could not hold of an entry, kept beside its stand-in in the xattr
// "user.cooper.override".
//
// Text of ';'-separated keys, only those that differ: type=c|b, major=N, minor=N, uid=TRUE/SEEN,
// gid=TRUE/SEEN, mode=TRUE/SEEN (octal), cap=HEX. SEEN is what stat said of the stand-in when it
// was made: a step that changes the owner or mode of a stand-in changes SEEN, and its own word
// counts from then on.
#pragma once

#include <cstdint>
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

  bool empty() const { return !device && !uid && !gid && !mode && !capability; }
  std::string encode() const;
  static std::optional<StandIn> parse(std::string_view text);  // nullopt: malformed
  // Turns what stat says of a stand-in into what it stands for.
  void apply(Entry& entry) const;
  friend bool operator==(const StandIn&, const StandIn&) = default;
};

}  // namespace cooper::layers
