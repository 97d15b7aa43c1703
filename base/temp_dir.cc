#include "base/temp_dir.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace cooper {
namespace {

// 60 random bits, in characters every file system keeps apart.
std::string random_suffix() {
  constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuv";
  std::array<std::uint8_t, 12> bytes{};
  // Requests of up to 256 bytes are never cut short, getrandom(2).
  if (::getrandom(bytes.data(), bytes.size(), 0) < 0) throw_errno("reading", "random bytes");
  std::string suffix;
  for (const std::uint8_t byte : bytes) suffix += kAlphabet[byte % kAlphabet.size()];
  return suffix;
}

TreePath make_unique_dir(const Dir& parent, const std::string& prefix) {
  constexpr int kTries = 16;
  for (int attempt = 1;; ++attempt) {
    TreePath name = TreePath().child(prefix + random_suffix());
    try {
      parent.make_dir(name, 0700);
      return name;
    } catch (const SysError& error) {
      if (error.errnum() != EEXIST || attempt == kTries) throw;
    }
  }
}

Dir open_or_remove(const Dir& parent, const TreePath& name) {
  try {
    return parent.subdir(name);
  } catch (const Error&) {
    parent.remove_all(name);
    throw;
  }
}

}  // namespace

TempDir::TempDir(const Dir& parent, const std::string& prefix)
    : parent_(parent.duplicate()),
      name_(make_unique_dir(parent_, prefix)),
      dir_(open_or_remove(parent_, name_)) {}

TempDir TempDir::in_host_tmp(const std::string& prefix) {
  const char* configured = std::getenv("TMPDIR");
  const bool usable = configured != nullptr && configured[0] == '/';
  return TempDir(Dir::open(usable ? configured : "/tmp", Confine::image), prefix);
}

TempDir::TempDir(TempDir&& other) noexcept
    : parent_(std::move(other.parent_)),
      name_(std::move(other.name_)),
      dir_(std::move(other.dir_)),
      armed_(std::exchange(other.armed_, false)) {}

TempDir::~TempDir() {
  if (!armed_) return;
  try {
    parent_.remove_all(name_);
  } catch (const std::exception&) {
    // A destructor is silent; what could not be removed is left to whoever sweeps the parent.
  }
}

std::string TempDir::host_path() const {
  // By name where it is known: the kernel knows no whole path of a descriptor whose mount namespace is
  // gone, as it is when the only process of a container has gone on to another.
  if (dir_.label().starts_with('/')) return dir_.label();
  const std::string link = cat("/proc/self/fd/", dir_.fd());
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length < 0) throw_errno("finding the path of", dir_.label());
  target.resize(static_cast<std::size_t>(length));
  return target;
}

}  // namespace cooper
