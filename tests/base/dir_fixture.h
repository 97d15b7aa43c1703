// A tree in a temporary directory, looked at through a Dir with openat2 or without.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/dir.h"
#include "base/error.h"
#include "base/temp_dir.h"

namespace cooper {

inline TreePath at(std::string_view text) {
  return TreePath::clean(text);
}

inline int errnum_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const SysError& error) {
    return error.errnum();
  }
  return 0;
}

// The parameter: whether openat2 may be used.
class DirFixture : public ::testing::TestWithParam<bool> {
 protected:
  DirFixture() : before_(set_openat2_allowed(GetParam())) {
    std::filesystem::create_directory(root());
    std::filesystem::create_directory(outside());
    write(outside() + "/secret", "secret");
  }
  ~DirFixture() override { set_openat2_allowed(before_); }

  std::string root() const { return temp_.host_path() + "/root"; }
  std::string outside() const { return temp_.host_path() + "/outside"; }
  std::string host(const std::string& path) const { return root() + "/" + path; }
  Dir image() const { return Dir::open(root(), Confine::image); }
  Dir strict() const { return Dir::open(root(), Confine::strict); }

  static void write(const std::string& path, std::string_view content) {
    std::ofstream(path) << content;
  }
  static std::string read(const Dir& dir, std::string_view path) {
    return dir.read_file(at(path), 1 << 20);
  }

 private:
  TempDir temp_ = TempDir::in_host_tmp("dir-");
  bool before_;
};

inline std::string name_of(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "openat2" : "walk";
}

}  // namespace cooper
