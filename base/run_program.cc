// run_program(): a child with its input in memory and its output collected.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

#include "base/byte_stream.h"
#include "base/child_process.h"
#include "base/error.h"
#include "base/stop.h"

namespace cooper {
namespace {

constexpr int kStopCheckMs = 100;

// Not a pipe: a program that does not read its input would stop us, or end us with SIGPIPE.
UniqueFd memory_file(std::string_view content) {
  UniqueFd fd(::memfd_create("input", MFD_CLOEXEC));
  if (!fd) throw_errno("creating", "a file in memory");
  FdSink(fd.get(), "a file in memory").write(as_bytes(content));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) throw_errno("rewinding", "a file in memory");
  return fd;
}

// Collects one stream of a child; what goes beyond the limit is read and dropped.
class Collector {
 public:
  Collector(UniqueFd fd, std::size_t limit_bytes) : fd_(std::move(fd)), left_bytes_(limit_bytes) {
    if (::fcntl(fd_.get(), F_SETFL, O_NONBLOCK) != 0) throw_errno("preparing", "a pipe");
  }
  int fd() const noexcept { return fd_.get(); }  // -1 once it has ended, which poll(2) ignores
  std::string take() { return std::move(text_); }
  // Reads all that is there now.
  void drain();

 private:
  UniqueFd fd_;
  std::size_t left_bytes_;
  std::string text_;
};

void Collector::drain() {
  std::array<char, 16UL * 1024> buffer;
  while (fd_) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got > 0) {
      const std::size_t kept = std::min(left_bytes_, static_cast<std::size_t>(got));
      text_.append(buffer.data(), kept);
      left_bytes_ -= kept;
    } else if (got == 0) {
      fd_.reset();
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      throw_errno("reading", "a program's output");
    }
  }
}

}  // namespace

ProgramOutput run_program(const SpawnOptions& options, std::string_view input,
                          std::size_t limit_bytes, const std::stop_token& stop) {
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  const UniqueFd in = input.empty() ? UniqueFd() : memory_file(input);
  SpawnOptions connected = options;
  if (in) connected.stdin_fd = in.get();
  connected.stdout_fd = out.write_end.get();
  connected.stderr_fd = err.write_end.get();
  ChildProcess child = spawn(connected);
  out.write_end.reset();
  err.write_end.reset();
  Collector standard_output(std::move(out.read_end), limit_bytes);
  Collector standard_error(std::move(err.read_end), limit_bytes);
  // The end is the child's, not the pipes': a daemon it left behind may hold those for ever.
  for (bool running = true; running;) {
    std::array<pollfd, 3> entries{{{.fd = standard_output.fd(), .events = POLLIN, .revents = 0},
                                   {.fd = standard_error.fd(), .events = POLLIN, .revents = 0},
                                   {.fd = child.pidfd(), .events = POLLIN, .revents = 0}}};
    const int wait_ms = stop.stop_possible() ? kStopCheckMs : -1;
    if (::poll(entries.data(), entries.size(), wait_ms) < 0 && errno != EINTR) {
      throw_errno("waiting for", options.argv.front());
    }
    end_if_stopped(stop);
    running = entries[2].revents == 0;
    standard_output.drain();  // after a look at the child: what it wrote before its end is there
    standard_error.drain();
  }
  const ExitStatus status = child.wait();
  return {status, standard_output.take(), standard_error.take()};
}

}  // namespace cooper
