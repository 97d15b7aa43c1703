// Progress on the terminal: plain lines (BuildKit-like), a redrawn block on a tty, or nothing (quiet).
#pragma once

#include <memory>
#include <string>

#include "builder/progress.h"

namespace cooper::cmd {

enum class ProgressMode { automatic, plain, tty, quiet };

// "auto", "plain", "tty", "quiet"; Error(unsupported) for rawjson, Error(invalid) for others.
ProgressMode parse_progress(const std::string& text);

class TerminalProgress : public builder::Progress {
 public:
  // A finding about the Dockerfile; the build goes on (CHECK-23).
  virtual void warning(const std::string&) {}
  // Something is about to run: timers may start (a thread, so not earlier).
  virtual void start_clock() {}
  // The last lines, and nothing drawn afterwards.
  virtual void close() {}
};

std::unique_ptr<TerminalProgress> make_progress(ProgressMode mode);

}  // namespace cooper::cmd
