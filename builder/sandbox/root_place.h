// Where things are in a step's root, for its first process: no symlink is followed, unless said.
// System calls only. Private to the sandbox.
//
// The process still holds descriptors of the host, and a link of /proc leads to each; and whoever
// was sent a descriptor of a copied root by an earlier step may change it meanwhile. So every path
// is looked up here, from the working directory as root, and acted on by what was found.
#pragma once

#include <sys/types.h>

namespace cooper::builder {

// Of paths: absolute, without "." and "..". Results: a descriptor, to be closed, or a negative
// errno.
int find_place(const char* path) noexcept;
// For what a Dockerfile asks for. Links are followed within the root, none of /proc; EACCES for
// what lies in /proc.
int find_outside_proc(const char* path) noexcept;
// The file at path, opened with these flags and this mode (openat(2)).
int open_place(const char* path, int flags, mode_t mode = 0) noexcept;

// The directory of the last name of path, and that name.
class ParentPlace {
 public:
  explicit ParentPlace(const char* path) noexcept;
  ParentPlace(const ParentPlace&) = delete;
  ParentPlace& operator=(const ParentPlace&) = delete;
  ~ParentPlace();
  int fd() const noexcept { return fd_; }  // or a negative errno
  const char* name() const noexcept { return name_; }

 private:
  int fd_;
  const char* name_;
};

}  // namespace cooper::builder
