#include "layers/archive_probe.h"

#include "base/error.h"
#include "layers/tar_reader.h"

namespace cooper::layers {

bool is_archive(const Tree& tree, const Entry& file) {
  if (file.type != EntryType::file || file.size_bytes == 0) return false;
  try {
    TarReader reader(tree.open(file), TarLimits{}, file.path.absolute(), TarKind::archive);
    return reader.next().has_value();
  } catch (const Error& error) {
    // A hostile first member is a tar all the same: unpacking it will say what is wrong.
    if (error.code() == Errc::invalid) return true;
    if (error.code() == Errc::corrupt) return false;
    throw;
  }
}

}  // namespace cooper::layers
