#include "builder/sandbox/setup_program.h"

#include <fcntl.h>

#include <utility>

#include "base/error.h"

namespace cooper::builder {
namespace {

// Only its number counts: the step's first process has a copy, and replaces that.
UniqueFd reserve_descriptor() {
  UniqueFd place(::open("/dev/null", O_PATH | O_CLOEXEC));
  if (!place) throw_errno("opening", "/dev/null");
  return place;
}

}  // namespace

const char* SetupProgram::keep(const std::string& text) {
  return texts_.emplace_back(text).c_str();
}

void SetupProgram::act_as(std::uint32_t uid, std::uint32_t gid) {
  add({.kind = Kind::act_as, .number = uid, .number2 = gid});
}

void SetupProgram::attach_root(UniqueFd fd, const std::string& staging_path) {
  add({.kind = Kind::attach_root, .target = keep(staging_path), .fd = fd.get()});
  fds_.push_back(std::move(fd));
}

void SetupProgram::attach(UniqueFd fd, const std::string& target) {
  add({.kind = Kind::attach, .target = keep(target), .fd = fd.get()});
  fds_.push_back(std::move(fd));
}

int SetupProgram::find(const std::string& target) {
  const int place = fds_.emplace_back(reserve_descriptor()).get();
  add({.kind = Kind::find, .target = keep(target), .place = place});
  return place;
}

void SetupProgram::attach_inside(UniqueFd fd, const std::string& target) {
  const int place = find(target);
  add({.kind = Kind::attach, .target = keep(target), .fd = fd.get(), .place = place});
  fds_.push_back(std::move(fd));
}

void SetupProgram::open_null(const std::string& target) {
  null_ = fds_.emplace_back(reserve_descriptor()).get();
  add({.kind = Kind::open_null, .target = keep(target), .place = null_});
}

void SetupProgram::mask(const std::string& target) {
  add({.kind = Kind::mask, .target = keep(target), .fd = null_});
}

void SetupProgram::mount_inside(const char* type, const std::string& target, std::uint64_t flags,
                                const std::string& options) {
  const int place = find(target);
  add({.kind = Kind::mount,
       .target = keep(target),
       .text = type,
       .options = keep(options),
       .place = place,
       .flags = flags});
}

void SetupProgram::mount(const char* type, const std::string& target, std::uint64_t flags,
                         const std::string& options, UniqueFd fallback) {
  add({.kind = Kind::mount,
       .target = keep(target),
       .text = type,
       .options = options.empty() ? nullptr : keep(options),
       .fd = fallback.get(),
       .flags = flags});
  if (fallback) fds_.push_back(std::move(fallback));
}

void SetupProgram::on_path(Kind kind, const std::string& target, const std::string& text) {
  add({.kind = kind,
       .target = target.empty() ? nullptr : keep(target),
       .text = text.empty() ? nullptr : keep(text)});
}

void SetupProgram::write_file(const std::string& target, const std::string& content) {
  add({.kind = Kind::write_file,
       .target = keep(target),
       .text = keep(content),
       .number = content.size()});
}

UniqueFd SetupProgram::hold(const std::string& source, bool executable) {
  UniqueFd place = reserve_descriptor();
  add({.kind = Kind::hold, .text = keep(source), .fd = place.get(), .flags = executable ? 1U : 0U});
  return place;
}

std::string SetupProgram::describe(std::size_t index) const {
  if (index >= operations_.size()) return "setting up the sandbox";
  const SetupOperation& operation = operations_[index];
  const std::string target = operation.target == nullptr ? "" : operation.target;
  switch (operation.kind) {
    case Kind::act_as:
      return "taking on the step's ids";
    case Kind::set_hostname:
      return cat("setting the hostname ", operation.text);
    case Kind::raise_hard_limit:
      return "raising a resource limit";
    case Kind::attach_root:
      return "attaching the root directory";
    case Kind::attach:
      return cat("attaching the mount for ", target);
    case Kind::mount:
      return cat("mounting ", operation.text, " on ", target);
    case Kind::make_dir_in:
    case Kind::make_file_in:
      return cat("making the mount point ", operation.text, " in ", target);
    case Kind::find:
      return cat("looking for the mount point ", target, ", outside /proc and its links");
    case Kind::open_null:
      return cat("opening the null device ", target);
    case Kind::pivot:
      return "changing the root directory";
    case Kind::drop_old_root:
      return "leaving the host's root directory";
    case Kind::make_dir:
    case Kind::make_file:
    case Kind::make_symlink:
      return cat("making ", target);
    case Kind::mask:
      return cat("masking ", target);
    case Kind::protect:
      return cat("making ", target, " read-only");
    case Kind::lend:
      return cat("mounting a generated file on ", target);
    case Kind::unmount:
      return cat("unmounting ", target);
    case Kind::set_access:
      return cat("setting the owner and mode of ", target);
    case Kind::hold:
      return cat("taking hold of ", operation.text);
    case Kind::write_file:
    case Kind::tune:
      return cat("writing ", target);
    case Kind::raise_loopback:
      return "bringing up the loopback device";
  }
  return "setting up the sandbox";
}

}  // namespace cooper::builder
