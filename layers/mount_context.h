// A file system about to be mounted: fsopen(2), its parameters, a detached mount.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace cooper::layers {

class MountContext {
 public:
  // Null when this kernel (or a seccomp filter) has no fsopen or no such file system; errno says
  // which.
  static MountContext open(const char* type) noexcept;
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

  // Each throws a SysError that says what was refused, with the kernel's reasons.
  void set(const char* key, const std::string& value) const;
  void set_flag(const char* key) const;
  // False: this kernel does not know the key, or refuses the value as such.
  bool try_set(const char* key, const std::string& value, const std::string& described) const;
  // Without devices.
  UniqueFd mount(const std::string& described) const;
  // The reasons that the kernel left so far, " (…)"; "" when it gave none.
  std::string log() const;

 private:
  explicit MountContext(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  [[noreturn]] void fail(const std::string& what) const;
  UniqueFd fd_;
};

}  // namespace cooper::layers
