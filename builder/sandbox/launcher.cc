#include "builder/sandbox/launcher.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/byte_stream.h"
#include "base/error.h"
#include "layers/mount_context.h"

// Of the object that holds the program's bytes.
extern "C" {
extern const char _binary_launcher_start[];
extern const char _binary_launcher_end[];
}

namespace cooper::builder {
namespace {

constexpr const char* kName = "launcher";
constexpr const char* kWhat = "the file system of the launcher";

UniqueFd make_file_system() {
  const auto context = layers::MountContext::open("tmpfs");
  if (!context) throw_errno("making", kWhat);
  context.set("mode", "0755");
  return context.mount(kWhat);
}

}  // namespace

UniqueFd place_launcher() {
  const UniqueFd root = make_file_system();
  {
    const UniqueFd file(::openat(root.get(), kName, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
    if (!file) throw_errno("writing", "the launcher");
    if (::fchmod(file.get(), 0755) != 0) throw_errno("writing", "the launcher");  // any umask
    const std::string_view program(
        _binary_launcher_start,
        static_cast<std::size_t>(_binary_launcher_end - _binary_launcher_start));
    FdSink(file.get(), "the launcher").write(as_bytes(program));
  }
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  if (::mount_setattr(root.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    throw_errno("limiting", kWhat);
  }
  UniqueFd launcher(::openat(root.get(), kName, O_PATH | O_CLOEXEC | O_NOFOLLOW));
  if (!launcher) throw_errno("opening", "the launcher");
  return launcher;
}

}  // namespace cooper::builder
