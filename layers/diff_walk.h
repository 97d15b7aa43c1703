// Reads entries of an overlay's upper directory, one open descriptor per directory. Private to the
// folder.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/dir.h"
#include "layers/entry.h"
#include "layers/standin.h"
#include "layers/tree.h"
#include "layers/xattr.h"

namespace cooper::layers {

// An entry of the upper directory as it is there; stand-ins already turned into what they stand
// for.
struct UpperEntry {
  Entry entry;
  UniqueFd fd;  // files and directories: open for reading
  struct stat status {};
  bool skipped = false;  // a socket: layers hold none

  oci::Digest digest(
      const std::string& label) const;  // of a file's content; label: of the upper directory
};

// What reading goes by, the same for all directories of one upper directory.
struct UpperReading {
  const std::string& label;  // names the upper directory in errors
  const Tree& below;
  const StandInSeal& seal;
  bool named_marks = false;  // ".wh." names hide (Hiding::named)
};

class UpperDirectory {
 public:
  // fd: an open directory, borrowed. path: within the upper directory.
  UpperDirectory(int fd, TreePath path, const UpperReading& reading)
      : fd_(fd), path_(std::move(path)), reading_(reading) {}

  // Sorted by name. A mark that is a name is given as what it hides, of type DT_WHT.
  std::vector<DirEntry> list() const;
  UpperEntry read(const DirEntry& item) const;

 private:
  int fd_;
  TreePath path_;
  const UpperReading& reading_;
};

// The upper directory itself.
UpperEntry read_upper_root(const Dir& upper, const UpperReading& reading);

}  // namespace cooper::layers
