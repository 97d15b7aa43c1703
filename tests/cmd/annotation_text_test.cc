#include "cmd/annotation_text.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace cooper::cmd {
namespace {

using builder::Annotation;
using Place = Annotation::Place;

std::string text_of(const Annotation& annotation) {
  static constexpr const char* kPlaces[] = {"manifest", "manifest-descriptor", "index", "index-descriptor"};
  return cat(kPlaces[static_cast<int>(annotation.place)], annotation.platform ? "[" + annotation.platform->str() + "]" : "",
             " ", annotation.key, "=", annotation.value);
}

TEST(AnnotationFlag, IMG_11_places_and_platforms) {
  const std::pair<const char*, std::vector<std::string>> table[] = {
      {"a.b/c=1=2", {"manifest a.b/c=1=2"}},
      {"empty=", {"manifest empty="}},
      {"index:k=v:w", {"index k=v:w"}},
      {"manifest-descriptor[linux/aarch64]:k=v", {"manifest-descriptor[linux/arm64] k=v"}},
      {"index,manifest[linux/arm/v7],index-descriptor:k=v",
       {"index k=v", "manifest[linux/arm/v7] k=v", "index-descriptor k=v"}},
  };
  for (const auto& [flag, wanted] : table) {
    std::vector<std::string> found;
    for (const Annotation& each : parse_annotation(flag)) found.push_back(text_of(each));
    EXPECT_EQ(found, wanted) << flag;
  }
}

TEST(AnnotationAttribute, IMG_11_names_of_output_attributes) {
  const std::pair<const char*, const char*> table[] = {
      {"annotation.org.x", "manifest org.x=v"},
      {"annotation[linux/amd64].org.x", "manifest[linux/amd64] org.x=v"},
      {"annotation-index.k", "index k=v"},
      {"annotation-manifest-descriptor[linux/arm64].k", "manifest-descriptor[linux/arm64] k=v"},
  };
  for (const auto& [name, wanted] : table) {
    const auto found = parse_annotation_attribute(name, "v");
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(text_of(*found), wanted) << name;
  }
  for (const char* other : {"name", "annotation", "annotations", "push"}) {
    EXPECT_FALSE(parse_annotation_attribute(other, "v")) << other;
  }
}

TEST(AnnotationFlag, malformed_ones_are_quoted) {
  for (const char* bad : {"", "k", "=v", "index:=v", "layer:k=v", "manifest[linux/amd64:k=v", "manifest[a/b/c/d]:k=v", ",index:k=v"}) {
    EXPECT_THROW(parse_annotation(bad), Error) << bad;
  }
  for (const char* bad : {"annotation.", "annotation-layer.k", "annotation-index[.k"}) {
    EXPECT_THROW(static_cast<void>(parse_annotation_attribute(bad, "v")), Error) << bad;
  }
}

}  // namespace
}  // namespace cooper::cmd
