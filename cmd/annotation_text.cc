#include "cmd/annotation_text.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace cooper::cmd {
namespace {

using Place = builder::Annotation::Place;

constexpr std::array<std::pair<std::string_view, Place>, 4> kPlaces = {
    {{"manifest", Place::manifest},
     {"manifest-descriptor", Place::manifest_descriptor},
     {"index", Place::index},
     {"index-descriptor", Place::index_descriptor}}};

// "manifest[linux/amd64]": a place, and a platform in brackets.
void take_place(std::string_view text, const std::string& whole, builder::Annotation& annotation) {
  const std::size_t open = text.find('[');
  if (open != std::string_view::npos) {
    if (!text.ends_with(']')) {
      throw Error(Errc::invalid, cat("invalid annotation \"", whole, "\": the platform lacks its closing bracket"));
    }
    annotation.platform = oci::parse_platform(text.substr(open + 1, text.size() - open - 2));
    text = text.substr(0, open);
  }
  for (const auto& [name, place] : kPlaces) {
    if (text != name) continue;
    annotation.place = place;
    return;
  }
  throw Error(Errc::invalid, cat("unknown annotation type \"", text, "\" in \"", whole, "\""));
}

void check_key(const builder::Annotation& annotation, const std::string& whole) {
  if (annotation.key.empty()) throw Error(Errc::invalid, cat("invalid annotation \"", whole, "\": the key is empty"));
}

}  // namespace

std::vector<builder::Annotation> parse_annotation(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw Error(Errc::invalid, cat("invalid annotation \"", text, "\", expected key=value"));
  }
  builder::Annotation plain;
  plain.value = text.substr(equals + 1);
  const std::string left = text.substr(0, equals);
  const std::size_t colon = left.find(':');
  plain.key = colon == std::string::npos ? left : left.substr(colon + 1);
  check_key(plain, text);
  if (colon == std::string::npos) return {plain};
  std::vector<builder::Annotation> list;
  std::string_view places(left.data(), colon);
  for (;;) {
    const std::size_t comma = places.find(',');
    list.push_back(plain);
    take_place(places.substr(0, comma), text, list.back());
    if (comma == std::string_view::npos) return list;
    places.remove_prefix(comma + 1);
  }
}

std::optional<builder::Annotation> parse_annotation_attribute(const std::string& name, const std::string& value) {
  constexpr std::string_view kPrefix = "annotation";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = std::string_view(name).substr(kPrefix.size());
  // The first point behind the platform, which may hold one itself.
  const std::size_t bracket = rest.find(']');
  const std::size_t point = rest.find('.', bracket == std::string_view::npos ? 0 : bracket);
  if (rest.empty() || point == std::string_view::npos) return std::nullopt;
  builder::Annotation annotation;
  annotation.key = rest.substr(point + 1);
  annotation.value = value;
  check_key(annotation, name);
  rest = rest.substr(0, point);
  if (rest.starts_with('-')) {
    take_place(rest.substr(1), name, annotation);
  } else {
    take_place(cat("manifest", rest), name, annotation);
  }
  return annotation;
}

}  // namespace cooper::cmd
