// What a step's first process does before the program runs, as data. Private to the sandbox.
//
// The process is forked from one with many threads, so it may only make system calls: everything
// that needs memory or judgement is decided here, beforehand, and the interpreter
// (setup_interpreter.h) just walks the list.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace cooper::builder {

struct SetupOperation {
  enum class Kind {
    act_as,            // file user number:number2 from here on
    set_hostname,      // text
    raise_hard_limit,  // resource flags to at least number; refused: told, not fatal
    attach_root,       // the detached mount fd at the host's path target, which is entered
    attach,            // the detached mount fd at target, or at place
    mount,             // mount(2): text is the type; refused and fd >= 0: fd is attached instead
    pivot,             // target becomes "/", the old root stays mounted above it
    drop_old_root,
    make_dir,      // existing is fine
    make_file,     // existing is fine
    make_symlink,  // target, pointing to text
    // What the image or an earlier mount holds decides where these lead: as find_outside_proc.
    make_dir_in,   // text in the directory target; existing is fine
    make_file_in,  // the same
    find,          // place becomes what is at target
    open_null,     // place becomes the null device at target, open for reading, no link followed
    mask,        // a file: fd, the null device, over it; a directory: an empty one. Absent: skipped
    protect,     // read-only from here on. Absent: skipped
    lend,        // the file or directory text appears read-only at target
    unmount,     // what is mounted on target; what it lent stays
    write_file,  // a new file target with number bytes of text in it
    set_access,  // target gets owner number:number2 and the mode in flags
    hold,        // fd becomes a read-only mount of text, to be attached; flags: may be executed
    tune,        // text into the kernel's file target. Refused: skipped
    raise_loopback,
  };
  Kind kind;
  const char* target = nullptr;
  const char* text = nullptr;
  const char* options = nullptr;
  int fd = -1;
  int place = -1;  // a mount's, instead of target, which is then for messages
  std::uint64_t flags = 0;
  std::uint64_t number = 0;
  std::uint64_t number2 = 0;
};

// Paths are found in the step's root, without links (root_place.h), from when it is attached on.
class SetupProgram {
 public:
  using Kind = SetupOperation::Kind;

  void add(const SetupOperation& operation) { operations_.push_back(operation); }
  void act_as(std::uint32_t uid, std::uint32_t gid);
  void attach_root(UniqueFd fd, const std::string& staging_path);
  void attach(UniqueFd fd, const std::string& target);
  // For what is asked for by a Dockerfile: target is found as find does.
  void attach_inside(UniqueFd fd, const std::string& target);
  void mount_inside(const char* type, const std::string& target, std::uint64_t flags,
                    const std::string& options);
  void mount(const char* type, const std::string& target, std::uint64_t flags,
             const std::string& options = "", UniqueFd fallback = UniqueFd());
  void on_path(Kind kind, const std::string& target, const std::string& text = "");
  void write_file(const std::string& target, const std::string& content);
  // The step's standard input: the null device at target, which must be there by now. Masks use it,
  // and nothing opens it by its name later, when the step's own mounts may show another.
  void open_null(const std::string& target);
  int null() const noexcept { return null_; }
  void mask(const std::string& target);
  // The same file, to be attached elsewhere later, when `source` may have lost its name.
  UniqueFd hold(const std::string& source, bool executable);

  // Valid, with the descriptors, as long as this object.
  const std::vector<SetupOperation>& operations() const noexcept { return operations_; }
  // "mounting proc on /proc", for an error.
  std::string describe(std::size_t index) const;
  const char* keep(const std::string& text);

 private:
  int find(const std::string& target);

  std::vector<SetupOperation> operations_;
  std::deque<std::string> texts_;  // a deque: addresses stay
  std::vector<UniqueFd> fds_;
  int null_ = -1;
};

}  // namespace cooper::builder
