// Owns one file descriptor. Functions that take a plain int only borrow it.
#pragma once

#include <utility>

namespace cooper {

class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    UniqueFd taken(std::move(other));
    std::swap(fd_, taken.fd_);
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd();

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept { *this = UniqueFd(); }
  // dup with close-on-exec; throws SysError.
  [[nodiscard]] UniqueFd duplicate() const;

 private:
  int fd_;
};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
// pipe2(O_CLOEXEC); throws SysError.
[[nodiscard]] Pipe make_pipe();

}  // namespace cooper
