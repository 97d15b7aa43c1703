// A directory that disappears with its owner.
#pragma once

#include <string>

#include "base/dir.h"

namespace cooper {

// Creates parent/<prefix><random> (mode 0700) and removes the whole tree beneath it on destruction,
// crossing no mount. keep() hands the tree over (it was renamed into place, or is wanted).
class TempDir {
 public:
  TempDir(const Dir& parent, const std::string& prefix);
  // In $TMPDIR or /tmp, for tests and short-lived host files.
  static TempDir in_host_tmp(const std::string& prefix);
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&&) = delete;
  ~TempDir();

  const Dir& dir() const noexcept { return dir_; }
  const TreePath& name() const noexcept { return name_; }  // relative to parent
  std::string host_path() const;                           // absolute, for display and mounts
  void keep() noexcept { armed_ = false; }

 private:
  Dir parent_;
  TreePath name_;
  Dir dir_;
  bool armed_ = true;
};

}  // namespace cooper
