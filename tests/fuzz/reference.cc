// Image references, platforms and digests: names people and registries write.
#include "oci/reference.h"

#include <string>

#include "oci/platform.h"
#include "tests/fuzz/check.h"

namespace cooper::oci {
namespace {

using fuzz::attempt;
using fuzz::require;

void check_reference(std::string_view text) {
  const auto reference =
      attempt({Errc::invalid, Errc::unsupported}, [&] { return parse_reference(text); });
  if (!reference) return;
  require(!reference->tag.empty() || reference->digest, "a reference has a tag or a digest");
  require(parse_reference(reference->str()) == *reference, "the full spelling means the same");
  require(parse_reference(reference->familiar()) == *reference,
          "the short spelling means the same");
}

void check_platform(std::string_view text) {
  const auto platform = attempt({Errc::invalid}, [&] { return parse_platform(text); });
  if (!platform) return;
  require(normalize(*platform) == *platform, "a parsed platform is normal");
  require(match_score(*platform, *platform) > 0, "a platform serves itself");
  Platform again = parse_platform(platform->str());
  again.os_version = platform->os_version;
  require(again == *platform, "printed and read again, the same");
}

void check_digest(std::string_view text) {
  const auto digest =
      attempt({Errc::invalid, Errc::unsupported}, [&] { return Digest::parse(text); });
  if (digest)
    require(digest->str() == text && Digest::from_hex(digest->hex()) == *digest,
            "a digest has one spelling");
}

}  // namespace
}  // namespace cooper::oci

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cooper::fuzz::text_of(data, size);
  cooper::oci::check_reference(text);
  cooper::oci::check_platform(text);
  cooper::oci::check_digest(text);
  return 0;
}
