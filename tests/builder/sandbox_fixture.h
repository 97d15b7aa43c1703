// A store with a busybox rootfs, and steps run over it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/temp_dir.h"
#include "builder/sandbox/identity.h"
#include "builder/sandbox/runner.h"
#include "builder/sandbox/snapshot.h"

namespace cooper::builder {

// What a step printed and how it ended.
struct Ran {
  int code = -1;  // as a shell reports it
  std::string out;
  std::string err;
  RunOutcome outcome;
};

// One writable root: the base below, an upper directory of its own above.
struct StepRoot {
  std::string upper;
  UniqueFd mount;
};

// Ids on disk are those of the image when the identity's mapping says so, and inside the namespace
// for the others; either way the tests see what the store's owner sees.
class SandboxTest : public ::testing::Test {
 protected:
  SandboxTest();
  ~SandboxTest() override;

  StepRoot make_root();
  // A shell script in a fresh root.
  Ran sh(const std::string& script);
  Ran sh(const std::string& script, const RunRequest& request);
  Ran run(const RunRequest& request, const UniqueFd& root, std::stop_token stop = {});
  static RunRequest shell(const std::string& script);

  const std::filesystem::path& base() const { return base_; }
  std::filesystem::path store() const { return store_.host_path(); }
  // Everything that has to be in the base before the first root is made.
  void add_file(const std::string& path, const std::string& text, mode_t mode = 0644);
  bool has_many_ids() const { return identity_.kind != Identity::Kind::single_id; }

  // Where ids can't be kept apart from the machine's (a container without CAP_SYS_ADMIN).
  bool steps_are_host_root() const {
    return identity_.mapping == "0" && identity_.step_uids.front().outside == 0;
  }

  const Identity& identity_;
  TempDir store_;
  std::filesystem::path base_;
  std::unique_ptr<StepStorage> storage_;
  std::unique_ptr<Runner> runner_;
  int roots_ = 0;
};

}  // namespace cooper::builder
