#include "base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace cooper {

UniqueFd::~UniqueFd() {
  if (fd_ < 0) return;
  const int errnum = errno;  // unwinding must not change the error that is being reported
  ::close(fd_);
  errno = errnum;
}

UniqueFd UniqueFd::duplicate() const {
  UniqueFd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 3));  // never one of the standard three
  if (!copy) throw_errno("duplicating", "a file descriptor");
  return copy;
}

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("creating", "a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace cooper
