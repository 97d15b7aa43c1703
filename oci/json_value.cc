#include "oci/json_value.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cooper::oci {
namespace {

// Builds the tree without recursion. A pointer on the stack stays valid: only the innermost
// container grows.
class TreeBuilder {
 public:
  explicit TreeBuilder(JsonValue& root) : root_(root) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(std::int64_t value) { return put(value); }
  bool number_unsigned(std::uint64_t value) { return put(value); }
  bool number_float(double value, const std::string&) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(JsonValue::Object{}); }
  bool start_array(std::size_t) { return open(JsonValue::Array{}); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    problem_ = cat("malformed JSON at byte ", position);
    return false;
  }
  const std::string& problem() const { return problem_; }

 private:
  template <class Value>
  bool put(Value&& value) {
    place().value = std::forward<Value>(value);
    return true;
  }
  template <class Container>
  bool open(Container&& container) {
    if (stack_.size() == kMaxJsonDepth) {
      problem_ = cat("JSON nested deeper than ", kMaxJsonDepth);
      return false;
    }
    JsonValue& here = place();
    here.value = std::forward<Container>(container);
    stack_.push_back(&here);
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }
  JsonValue& place() {
    if (stack_.empty()) return root_;
    if (auto* array = std::get_if<JsonValue::Array>(&stack_.back()->value)) {
      return array->emplace_back();
    }
    auto& object = std::get<JsonValue::Object>(stack_.back()->value);
    return object.emplace_back(JsonMember{std::move(key_), {}}).value;
  }

  JsonValue& root_;
  std::vector<JsonValue*> stack_;
  std::string key_;
  std::string problem_;
};

}  // namespace

JsonValue parse_json(std::string_view text, const std::string& document) {
  // For the library the text would end there, and whatever stands behind would be nobody's.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
    throw Error(Errc::corrupt, cat(document, ": malformed JSON at byte ", zero));
  JsonValue root;
  TreeBuilder builder(root);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    throw Error(Errc::corrupt, cat(document, ": ", builder.problem()));
  }
  return root;
}

void JsonCursor::fail(std::string_view complaint) const {
  throw Error(Errc::corrupt,
              cat(document_, ": ", path_.empty() ? "the document" : path_, " ", complaint));
}

const JsonValue::Object& JsonCursor::object() const {
  const auto* object = std::get_if<JsonValue::Object>(&value_->value);
  if (object == nullptr) fail("must be an object");
  return *object;
}

std::optional<JsonCursor> JsonCursor::find(std::string_view member) const {
  const JsonValue::Object& members = object();
  for (auto it = members.rbegin(); it != members.rend(); ++it) {
    if (it->name != member) continue;
    if (std::holds_alternative<std::nullptr_t>(it->value.value)) return std::nullopt;
    return JsonCursor(it->value, document_, path_.empty() ? it->name : cat(path_, ".", it->name));
  }
  return std::nullopt;
}

JsonCursor JsonCursor::at(std::string_view member) const {
  auto found = find(member);
  if (!found) fail(cat("lacks the member \"", member, "\""));
  return *std::move(found);
}

std::vector<std::pair<std::string, JsonCursor>> JsonCursor::members() const {
  std::vector<std::pair<std::string, JsonCursor>> result;
  for (const JsonMember& member : object()) {
    result.emplace_back(member.name,
                        JsonCursor(member.value, document_, cat(path_, ".", member.name)));
  }
  return result;
}

std::vector<JsonCursor> JsonCursor::elements() const {
  const auto* array = std::get_if<JsonValue::Array>(&value_->value);
  if (array == nullptr) fail("must be an array");
  std::vector<JsonCursor> result;
  result.reserve(array->size());
  for (const JsonValue& value : *array) {
    result.push_back(JsonCursor(value, document_, cat(path_, "[", result.size(), "]")));
  }
  return result;
}

std::vector<std::string> JsonCursor::strings() const {
  std::vector<std::string> result;
  for (const JsonCursor& element : elements()) result.push_back(element.text());
  return result;
}

const std::string& JsonCursor::text() const {
  const auto* text = std::get_if<std::string>(&value_->value);
  if (text == nullptr) fail("must be a string");
  return *text;
}

bool JsonCursor::boolean() const {
  const auto* boolean = std::get_if<bool>(&value_->value);
  if (boolean == nullptr) fail("must be true or false");
  return *boolean;
}

std::int64_t JsonCursor::integer() const {
  if (const auto* number = std::get_if<std::int64_t>(&value_->value)) return *number;
  const auto* number = std::get_if<std::uint64_t>(&value_->value);
  if (number == nullptr) fail("must be a whole number");
  if (*number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    fail("is too large");
  }
  return static_cast<std::int64_t>(*number);
}

std::uint64_t JsonCursor::size_bytes() const {
  const std::int64_t number = integer();
  if (number < 0) fail("must not be negative");
  return static_cast<std::uint64_t>(number);
}

std::string JsonCursor::text_or_empty(std::string_view member) const {
  const auto found = find(member);
  return found ? found->text() : std::string();
}

std::vector<std::string> JsonCursor::strings_or_empty(std::string_view member) const {
  const auto found = find(member);
  return found ? found->strings() : std::vector<std::string>();
}

}  // namespace cooper::oci
