// Sizes for people's eyes.
#pragma once

#include <cstdint>
#include <string>

namespace cooper::cmd {

// Three digits and a decimal unit, as docker prints them: "4.32MB".
std::string human_size(std::uint64_t bytes);

}  // namespace cooper::cmd
