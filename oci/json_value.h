// Foreign JSON as a value with a strict cursor. Private to oci.
//
// parse_json refuses malformed text, invalid UTF-8 and nesting deeper than kMaxJsonDepth with
// Error(corrupt) naming the document. A JsonCursor knows where it stands, so every refusal names
// document and member ("manifest of x: layers[2].size must be a number"). A member that is null
// counts as absent, as the Go programs that write most images mean it. Of a member given twice the
// last one counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cooper::oci {

constexpr std::size_t kMaxJsonDepth = 64;

struct JsonMember;

struct JsonValue {
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array,
               Object>
      value;  // null
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

JsonValue parse_json(std::string_view text, const std::string& document);

// A view: valid while the JsonValue lives.
class JsonCursor {
 public:
  JsonCursor(const JsonValue& value, std::string document)
      : value_(&value), document_(std::move(document)) {}

  // Of an object:
  std::optional<JsonCursor> find(std::string_view member) const;  // nullopt: absent or null
  JsonCursor at(std::string_view member) const;                   // required
  std::vector<std::pair<std::string, JsonCursor>> members() const;
  // Of an array:
  std::vector<JsonCursor> elements() const;
  std::vector<std::string> strings() const;
  // Of itself:
  const std::string& text() const;
  bool boolean() const;
  std::int64_t integer() const;
  std::uint64_t size_bytes() const;  // 0 … 2^63-1

  // Absent members give "" (or false, or nothing).
  std::string text_or_empty(std::string_view member) const;
  std::vector<std::string> strings_or_empty(std::string_view member) const;

  // Throws Error(corrupt) "document: member complaint".
  [[noreturn]] void fail(std::string_view complaint) const;

 private:
  JsonCursor(const JsonValue& value, std::string document, std::string path)
      : value_(&value), document_(std::move(document)), path_(std::move(path)) {}
  const JsonValue::Object& object() const;

  const JsonValue* value_;
  std::string document_;
  std::string path_;
};

}  // namespace cooper::oci
