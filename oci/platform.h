// Platforms as the field normalises them (rows PLAT-03, PLAT-04).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cooper::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  std::string os_version;
  std::string str() const;  // "linux/arm/v7"
  friend auto operator<=>(const Platform&, const Platform&) = default;
};

// "linux/amd64", "arm64", "linux/arm/v7"; normalised: aarch64 -> arm64, x86_64 -> amd64, arm ->
// linux/arm/v7, arm64/v8 -> arm64. Error(invalid) "failed to parse platform x" (FROM-16).
Platform parse_platform(std::string_view text);
Platform normalize(Platform platform);
// The machine we run on.
Platform host_platform();
// How well `have` serves `want`: 0 not at all, higher is better (an exact variant beats a lower one
// that can run, e.g. arm/v6 on arm/v7).
int match_score(const Platform& want, const Platform& have);

}  // namespace cooper::oci
