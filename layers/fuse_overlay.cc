#include "layers/fuse_overlay.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/stop.h"
#include "layers/mount_context.h"

namespace cooper::layers {
namespace {

constexpr const char* kProgram = "fuse-overlayfs";
constexpr std::chrono::minutes kTimeToEnd{10};
constexpr std::chrono::milliseconds kPause{200};
constexpr std::size_t kMessageBytes = 1024;

UniqueFd open_device() {
  UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) throw_errno("opening", "/dev/fuse");
  return device;
}

// Its root can be looked at once somebody reads from the device.
UniqueFd mount_device(const UniqueFd& device) {
  const MountContext context = MountContext::open("fuse");
  if (!context) throw_errno("mounting", kProgram);
  context.set("source", kProgram);
  context.set("fd", cat(device.get()));
  context.set("rootmode", "40000");
  context.set("user_id", "0");
  context.set("group_id", "0");
  context.set_flag("default_permissions");
  context.set_flag("allow_other");
  return context.mount(kProgram);
}

// Relative to the base: names of the store, which need no escaping.
std::string relative(const std::string& path, const std::string& base_path) {
  if (!path.starts_with(base_path + "/")) {
    throw Error(Errc::invalid, cat(path, " is not in ", base_path));
  }
  return path.substr(base_path.size() + 1);
}

std::string program_options(const OverlayLayers& layers, const std::string& base_path) {
  std::string options = "lowerdir=";
  if (layers.lower_paths.empty()) options += relative(layers.empty_dir, base_path);
  for (const std::string& path : layers.lower_paths) {
    if (!options.ends_with('=')) options += ':';
    options += relative(path, base_path);
  }
  // Without its caches: writes through them keep set-id bits that writing takes, and before 1.16
  // listings out of them may lack names.
  return cat(options, ",upperdir=", relative(layers.upper_path, base_path),
             ",workdir=", relative(layers.work_path, base_path), ",volatile,writeback=0,timeout=0");
}

UniqueFd memory_file() {
  UniqueFd file(::memfd_create("messages", MFD_CLOEXEC));
  if (!file) throw_errno("making", "a file in memory");
  return file;
}

// The mount has been made: the program finds the device as its standard input.
ChildProcess start(const UniqueFd& device, const UniqueFd& messages, const OverlayLayers& layers,
                   const std::string& base_path) {
  SpawnOptions options;
  options.argv = {kProgram, "-f", "-o", program_options(layers, base_path), "/dev/fd/0"};
  options.working_dir = base_path;
  options.stdin_fd = device.get();
  options.stdout_fd = options.stderr_fd = messages.get();
  options.lead_process_group = true;
  return spawn(options);
}

std::string text_of(const UniqueFd& messages) {
  std::string text(kMessageBytes, '\0');
  const ssize_t length = ::pread(messages.get(), text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

FuseOverlay::FuseOverlay(const OverlayLayers& layers, const std::string& base_path)
    : messages_(memory_file()), program_(-1, UniqueFd()) {
  if (!find_program(kProgram)) throw Error(Errc::not_found, cat(kProgram, " is not installed"));
  {
    // Ours is closed: when the program ends, the mount shall, too.
    const UniqueFd device = open_device();
    mount_ = mount_device(device);
    program_ = start(device, messages_, layers, base_path);
  }
  struct stat status {};
  if (::fstat(mount_.get(), &status) != 0) fail(program_.wait_for(kTimeToEnd));
}

void FuseOverlay::finish(const std::stop_token& stop) {
  mount_.reset();
  std::optional<ExitStatus> status;
  const auto last = std::chrono::steady_clock::now() + kTimeToEnd;
  while (!status && std::chrono::steady_clock::now() < last) {
    end_if_stopped(stop);
    status = program_.wait_for(kPause);
  }
  if (!status || !status->success()) fail(status);
}

void FuseOverlay::fail(const std::optional<ExitStatus>& status) const {
  const std::string said = text_of(messages_);
  const std::string how = status ? cat("failed (", status->shell_code(), ")") : "does not end";
  throw Error(Errc::io, cat(kProgram, " ", how, said.empty() ? "" : ": " + said));
}

}  // namespace cooper::layers
