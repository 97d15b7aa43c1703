// What a registry or an archive calls a manifest, an index, a configuration.
#include <string>

#include "oci/image.h"
#include "tests/fuzz/check.h"

namespace cooper::oci {
namespace {

Manifest normal(Manifest manifest) {
  return manifest;
}
Index normal(Index index) {
  return index;
}
// An empty list is printed as no list: the two mean the same.
ImageConfig normal(ImageConfig config) {
  for (auto* words : {&config.entrypoint, &config.cmd, &config.shell}) {
    if (*words && (*words)->empty()) words->reset();
  }
  return config;
}

// Printed, it is read as the same value, and printed again it has the same bytes.
template <class Parse>
void check(std::string_view text, Parse parse) {
  const auto value = fuzz::attempt({Errc::corrupt, Errc::unsupported, Errc::invalid},
                                   [&] { return parse(text, "x"); });
  if (!value) return;
  fuzz::require(text.find('\0') == std::string_view::npos, "a zero byte is no JSON");
  const std::string json = to_json(*value);
  const auto again = parse(json, "printed");
  fuzz::require(again == normal(*value), "printed and read again, the same");
  fuzz::require(to_json(again) == json, "printing is deterministic");
}

}  // namespace
}  // namespace cooper::oci

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::oci;
  const std::string text(cooper::fuzz::text_of(data, size));
  check(text, parse_manifest);
  check(text, parse_index);
  check(text, parse_config);
  if (const auto time = parse_time(text)) {
    // An offset may lead out of the years that have a spelling.
    const auto spelled = cooper::fuzz::attempt(
        {cooper::Errc::invalid}, [&] { return format_time(time->first, time->second); });
    cooper::fuzz::require(!spelled || parse_time(*spelled) == time, "a time means what it says");
  }
  return 0;
}
