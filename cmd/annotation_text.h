// Annotations as flags and output attributes spell them (row IMG-11). Failures are Error(invalid) that quote the text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/assemble.h"

namespace cooper::cmd {

// --annotation: "key=value" (the manifest's), "index:key=value", "index,manifest[linux/amd64]:key=value": one for each
// place that is named.
std::vector<builder::Annotation> parse_annotation(const std::string& text);

// An attribute of --output: "annotation.key", "annotation-index.key", "annotation-manifest[linux/amd64].key".
// nullopt: another attribute.
std::optional<builder::Annotation> parse_annotation_attribute(const std::string& name, const std::string& value);

}  // namespace cooper::cmd
