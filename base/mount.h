// A mount that is undone with its owner (lazy unmount), and the new mount API where headers lack
// it.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace cooper {

class Mount {
 public:
  // Takes charge of what is mounted at target (an absolute host path).
  explicit Mount(std::string target) noexcept : target_(std::move(target)) {}
  Mount(Mount&& other) noexcept : target_(std::exchange(other.target_, {})) {}
  Mount& operator=(Mount&&) = delete;
  ~Mount();
  const std::string& target() const noexcept { return target_; }
  void unmount();  // throws SysError; the handle is empty afterwards

 private:
  std::string target_;
};

}  // namespace cooper
