#include "parser/mount.h"

#include <array>
#include <cmath>
#include <span>

#include "parser/csv.h"
#include "parser/source.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

constexpr std::array<std::string_view, 5> kTypes = {"bind", "cache", "tmpfs", "secret",
                                                    "ssh"};  // as in MountType
constexpr std::array<std::string_view, 3> kSharing = {"shared", "private",
                                                      "locked"};  // as in CacheSharing
constexpr std::array<std::string_view, 19> kKeys = {
    "type",     "from", "source",    "src", "target", "dst",     "destination",
    "readonly", "ro",   "readwrite", "rw",  "id",     "sharing", "required",
    "size",     "mode", "uid",       "gid", "env"};

[[noreturn]] void fail(const std::string& message) {
  throw DockerfileError(message);
}

// MNT-03 spellings to one.
std::string_view canonical(std::string_view key) {
  if (key == "src") return "source";
  if (key == "dst" || key == "destination") return "target";
  if (key == "ro") return "readonly";
  if (key == "rw") return "readwrite";
  return key;
}

template <class Enum, std::size_t Count>
Enum pick(std::string_view value, const std::array<std::string_view, Count>& names,
          std::string_view what) {
  const std::string lower = to_lower(value);
  for (std::size_t i = 0; i < Count; ++i) {
    if (names[i] == lower) return static_cast<Enum>(i);
  }
  fail(cat("unsupported ", what, " ", quoted(value), did_you_mean(find_suggestion(value, names))));
}

bool read_flag(std::string_view key, const std::optional<std::string>& value) {
  if (!value) return true;
  const auto flag = to_bool(*value);
  if (!flag) fail(cat("invalid value for ", key, ": ", *value));
  return *flag;
}

std::uint32_t read_number(std::string_view key, const std::string& value, int base) {
  const auto number = to_number(value, base, 0xFFFFFFFFUL);
  if (!number) fail(cat("invalid value ", value, " for ", key));
  return static_cast<std::uint32_t>(*number);
}

// "128m", "1.5GiB", "4096": powers of 1024.
std::uint64_t read_size(const std::string& value) {
  constexpr std::string_view kUnits = "kmgtp";
  std::string text = to_lower(value);
  if (text.ends_with('b')) text.pop_back();
  if (text.ends_with('i')) text.pop_back();
  int shift = 0;
  if (!text.empty() && kUnits.find(text.back()) != std::string_view::npos) {
    shift = 10 * static_cast<int>(kUnits.find(text.back()) + 1);
    text.pop_back();
  }
  if (text.ends_with(' ')) text.pop_back();
  const Cut parts = cut(text, '.');
  constexpr unsigned long kLargest = 1UL << 62U;
  const auto whole = to_number(parts.before, 10, kLargest);
  const auto tenths = parts.found ? to_number(parts.after.substr(0, 9), 10, kLargest) : 0UL;
  if (!whole || !tenths || parts.after.size() > 9 || (*whole << shift >> shift) != *whole) {
    fail(cat("invalid value for size: ", value));
  }
  const double fraction =
      static_cast<double>(*tenths) / std::pow(10.0, static_cast<double>(parts.after.size()));
  return (std::uint64_t{*whole} << shift) + static_cast<std::uint64_t>(std::ldexp(fraction, shift));
}

class MountReader {
 public:
  void take(const std::string& field, const MountExpander& expand);
  RunMount finish();

 private:
  void set(std::string_view key, const std::string& spelled, const std::string& field,
           const std::optional<std::string>& value);
  void set_flag(std::string_view key, const std::string& spelled,
                const std::optional<std::string>& value);
  void set_value(std::string_view key, const std::string& value);
  void need_type(bool fits, const std::string& spelled) const {
    if (!fits)
      fail(cat("unexpected key '", spelled, "' for mount type '", to_string(mount_.type), "'"));
  }
  void check_owner() const;
  void check_secret() const;

  RunMount mount_;
  std::optional<bool> read_only_;
  bool has_sharing_ = false;
};

void MountReader::take(const std::string& field, const MountExpander& expand) {
  const Cut pair = cut(field, '=');
  const std::string spelled = to_lower(pair.before);
  const std::string_view key = canonical(spelled);
  std::optional<std::string> value;
  if (pair.found) value = key == "from" ? std::string(pair.after) : expand(std::string(pair.after));
  set(key, spelled, field, value);
}

void MountReader::set(std::string_view key, const std::string& spelled, const std::string& field,
                      const std::optional<std::string>& value) {
  if (key == "readonly" || key == "readwrite" || key == "required")
    return set_flag(key, spelled, value);
  if (!value) fail(cat("invalid field '", field, "' must be a key=value pair"));
  if (key == "size") {
    need_type(mount_.type == MountType::tmpfs, spelled);
    mount_.size_bytes = read_size(*value);
    return;
  }
  for (const std::string_view known : kKeys) {
    if (known == key) return set_value(key, *value);
  }
  fail(cat("unexpected key '", spelled, "' in '", field, "'",
           did_you_mean(find_suggestion(spelled, kKeys))));
}

void MountReader::set_flag(std::string_view key, const std::string& spelled,
                           const std::optional<std::string>& value) {
  if (key == "required") {
    need_type(mount_.type == MountType::secret || mount_.type == MountType::ssh, spelled);
    mount_.required = read_flag(spelled, value);
    return;
  }
  const bool flag = read_flag(spelled, value);
  read_only_ = key == "readonly" ? flag : !flag;
}

void MountReader::set_value(std::string_view key, const std::string& value) {
  if (key == "type") mount_.type = pick<MountType>(value, kTypes, "mount type");
  if (key == "from") mount_.from = value;
  if (key == "source") mount_.source = value;
  if (key == "target") mount_.target = value;
  if (key == "id") mount_.id = value;
  if (key == "env") mount_.env = value;
  if (key == "mode") mount_.mode = read_number(key, value, 8);
  if (key == "uid") mount_.uid = read_number(key, value, 10);
  if (key == "gid") mount_.gid = read_number(key, value, 10);
  if (key == "sharing") {
    mount_.sharing = pick<CacheSharing>(value, kSharing, "sharing value");
    has_sharing_ = true;
  }
}

// MNT-06.
void MountReader::check_owner() const {
  if (mount_.type != MountType::bind && mount_.type != MountType::tmpfs) return;
  const char* key = mount_.mode ? "mode" : mount_.uid ? "uid" : mount_.gid ? "gid" : nullptr;
  if (key != nullptr)
    fail(cat(key, " not allowed for ", quoted(to_string(mount_.type)), " type mounts"));
}

// MNT-19.
void MountReader::check_secret() const {
  if (!mount_.from.empty()) fail("secret mount should not have a from");
  if (has_sharing_) fail("secret mount should not define sharing");
  if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
    fail("invalid secret mount. one of source, target required");
  }
  if (!mount_.source.empty() && !mount_.id.empty()) fail("both source and id can't be set");
}

RunMount MountReader::finish() {
  check_owner();
  const bool writable = mount_.type == MountType::cache || mount_.type == MountType::tmpfs;
  mount_.read_only = read_only_.value_or(!writable);
  if (mount_.type == MountType::secret) check_secret();
  if (mount_.type == MountType::ssh && !mount_.source.empty()) fail("ssh does not support source");
  if (has_sharing_ && mount_.type != MountType::cache) {
    fail(cat("invalid cache sharing set for ", to_string(mount_.type), " mount"));
  }
  return std::move(mount_);
}

}  // namespace

std::string_view to_string(MountType type) {
  return kTypes[static_cast<std::size_t>(type)];
}
std::string_view to_string(CacheSharing sharing) {
  return kSharing[static_cast<std::size_t>(sharing)];
}

RunMount parse_mount(std::string_view text, const MountExpander& expand) {
  check_mount(text);
  MountReader reader;
  for (const std::string& field : split_csv(text)) reader.take(field, expand);
  return reader.finish();
}

std::string check_mount(std::string_view text) {
  std::string from;
  for (const std::string& field : split_csv(text)) {
    const Cut pair = cut(field, '=');
    if (!pair.found || to_lower(pair.before) != "from") continue;
    const std::size_t dollar = pair.after.find('$');
    if (dollar != std::string_view::npos && dollar + 1 != pair.after.size()) {
      fail("'from' doesn't support variable expansion, define alias stage instead");
    }
    from = pair.after;
  }
  return from;
}

}  // namespace cooper::parser
