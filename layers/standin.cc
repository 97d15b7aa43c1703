#include "layers/standin.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "layers/xattr.h"
#include "oci/digest.h"

namespace cooper::layers {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kSealKey = ";seal=";

std::string octal(std::uint32_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value, 8);
  return std::string(digits, end.ptr);
}

std::string hex(std::string_view raw) {
  std::string text;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

std::optional<std::string> unhex(std::string_view text) {
  if (text.empty() || text.size() % 2 != 0) return std::nullopt;
  std::string raw;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kHexDigits.find(text[i]);
    const auto low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    raw += static_cast<char>(high << 4 | low);
  }
  return raw;
}

std::optional<std::uint32_t> number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<StandIn::Value> value_pair(std::string_view text, int base) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto meant = number(text.substr(0, slash), base);
  const auto seen = number(text.substr(slash + 1), base);
  if (!meant || !seen) return std::nullopt;
  return StandIn::Value{*meant, *seen};
}

// One "key=value"; false: malformed.
bool parse_key(std::string_view key, std::string_view value, StandIn& stand_in) {
  if (key == "type") {
    if (value != "c" && value != "b") return false;
    if (!stand_in.device) stand_in.device = decltype(stand_in.device)::value_type{};
    stand_in.device->type = value == "c" ? EntryType::char_device : EntryType::block_device;
    return true;
  }
  if (key == "major" || key == "minor") {
    const auto parsed = number(value, 10);
    if (!parsed || !stand_in.device) return false;
    (key == "major" ? stand_in.device->major : stand_in.device->minor) = *parsed;
    return true;
  }
  if (key == "uid") return (stand_in.uid = value_pair(value, 10)).has_value();
  if (key == "gid") return (stand_in.gid = value_pair(value, 10)).has_value();
  if (key == "mode") return (stand_in.mode = value_pair(value, 8)).has_value();
  if (key == "cap") return (stand_in.capability = unhex(value)).has_value();
  if (key == "content") {
    const auto raw = unhex(value);
    if (!raw || raw->size() != sizeof(oci::Digest::bytes)) return false;
    std::copy(raw->begin(), raw->end(), stand_in.content.emplace().bytes.begin());
    return true;
  }
  if (key == "owner") {
    const auto parsed = number(value, 10);
    if (parsed) stand_in.owner = *parsed;
    return parsed.has_value();
  }
  return false;
}

}  // namespace

std::string StandIn::encode() const {
  std::string text;
  const auto add = [&text](const std::string& part) {
    if (!text.empty()) text += ';';
    text += part;
  };
  if (device) {
    add(device->type == EntryType::char_device ? "type=c" : "type=b");
    add("major=" + std::to_string(device->major));
    add("minor=" + std::to_string(device->minor));
  }
  if (uid) add("uid=" + std::to_string(uid->meant) + "/" + std::to_string(uid->seen));
  if (gid) add("gid=" + std::to_string(gid->meant) + "/" + std::to_string(gid->seen));
  if (mode) add("mode=" + octal(mode->meant) + "/" + octal(mode->seen));
  if (capability) add("cap=" + hex(*capability));
  if (content) add("content=" + content->hex());
  add("owner=" + std::to_string(owner));
  return text;
}

std::optional<StandIn> StandIn::parse(std::string_view text) {
  StandIn stand_in;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    if (!parse_key(part.substr(0, equals), part.substr(equals + 1), stand_in)) return std::nullopt;
  }
  if (stand_in.empty()) return std::nullopt;
  return stand_in;
}

bool StandIn::speaks_of(const Entry& seen, const std::optional<Entry>& below) const {
  if (seen.uid == owner) return true;
  if (!below) return false;
  const auto is_device = [&](const Device& wanted) {
    return below->type == wanted.type && below->device_major == wanted.major &&
           below->device_minor == wanted.minor;
  };
  // A change of owner takes the set-id bits and the capability of any file, chown(2).
  return !mode && !capability && (!device || is_device(*device)) &&
         (!uid || below->uid == uid->meant) && (!gid || below->gid == gid->meant);
}

void StandIn::apply(Entry& entry, const std::function<oci::Digest()>& digest) const {
  if (device && entry.type == EntryType::file) {
    entry.type = device->type;
    entry.device_major = device->major;
    entry.device_minor = device->minor;
    entry.size_bytes = 0;
  }
  if (uid && entry.uid == uid->seen) entry.uid = uid->meant;
  if (gid && entry.gid == gid->seen) entry.gid = gid->meant;
  const bool same_program = !content || *content == digest();
  if (mode && same_program && entry.mode == mode->seen) entry.mode = mode->meant & 07777;
  if (capability && same_program) entry.xattrs.emplace(kCapability, *capability);
}

std::string StandInSeal::code(std::string_view text) const {
  constexpr std::size_t kCodeDigits = 32;  // 128 bits
  return oci::hmac_sha256(secret_, text).hex().substr(0, kCodeDigits);
}

std::string StandInSeal::seal(const StandIn& stand_in) const {
  const std::string text = stand_in.encode();
  return cat(text, kSealKey, code(text));
}

std::optional<StandIn> StandInSeal::open(std::string_view text) const {
  const std::size_t at = text.rfind(kSealKey);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view sealed = text.substr(0, at);
  if (text.substr(at + kSealKey.size()) != code(sealed)) return std::nullopt;
  return StandIn::parse(sealed);
}

}  // namespace cooper::layers
