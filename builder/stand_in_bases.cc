#include "builder/stand_in_bases.h"

#include "base/error.h"

namespace cooper::builder {

ResolvedBase StandInBases::resolve(const std::string& reference, const oci::Platform& platform) {
  try {
    return bases_.resolve(reference, platform);
  } catch (const Error& error) {
    if (error.code() != Errc::network && error.code() != Errc::denied) throw;
    if (told_.insert(reference).second) {
      tell_(cat("base image ", reference, " could not be looked at; what depends on its config is left out (",
                error.what(), ")"));
    }
    ResolvedBase base;
    base.resolved = reference;
    base.config.platform = platform;
    base.known = false;
    return base;
  }
}

}  // namespace cooper::builder
