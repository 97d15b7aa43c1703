#include <csignal>
#include <thread>

#include "base/error.h"
#include "cmd/session.h"

namespace cooper::cmd {
namespace {

// SIGHUP unless nohup has switched it off: waiting for a signal brings it all the same. That shells start background
// jobs without SIGINT says nothing about whoever sends one.
sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  struct sigaction hang_up {};
  if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

// As if nobody had caught it: the store survives, and a shell sees 128 + signal.
void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  std::raise(signal);
}

}  // namespace

struct Interrupts::Watcher {
  sigset_t previous{};
  std::jthread thread;
};

Interrupts::Interrupts() = default;

Interrupts::~Interrupts() {
  if (!watcher_) return;
  watcher_->thread.request_stop();
  pthread_kill(watcher_->thread.native_handle(), SIGINT);  // blocked everywhere: only wakes it, and goes with it
  watcher_->thread.join();
  pthread_sigmask(SIG_SETMASK, &watcher_->previous, nullptr);
}

void Interrupts::watch() {
  if (watcher_) return;
  watcher_ = std::make_unique<Watcher>();
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, &watcher_->previous);
  watcher_->thread = std::jthread([this, set](const std::stop_token& done) {
    bool asked = false;
    for (;;) {
      const int signal = sigwaitinfo(&set, nullptr);
      if (done.stop_requested()) return;
      if (signal < 0) continue;
      if (asked) end_by(signal);
      asked = true;
      source_.request_stop();
    }
  });
}

}  // namespace cooper::cmd
