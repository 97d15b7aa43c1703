// When a step that ran again gave what it had given before (CACHE-20), so that its older layer answers.
#pragma once

#include <cstdint>

#include "layers/table.h"
#include "layers/tree.h"
#include "oci/digest.h"

namespace cooper::builder {

// From a step's start to its end, Unix seconds.
struct StepPeriod {
  std::int64_t began = 0;
  std::int64_t ended = 0;
};

// Equal for layers on one parent that give the same tree, but for when files were made: a time within the period is "now",
// whatever the clock said, and a time that is also that of the parent's entry is "as it was". Every other was chosen
// (touch -d, cp -p, members of an archive, files of a context) and counts in whole seconds, as layers have them.
// below: the parent's tree; its files are not opened.
oci::ContentDigest equality_of(const layers::Table& layer, const layers::Tree& below, const StepPeriod& period);

}  // namespace cooper::builder
