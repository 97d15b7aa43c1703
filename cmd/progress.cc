#include "cmd/progress.h"

#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "cmd/progress_plain.h"
#include "cmd/progress_tty.h"

namespace cooper::cmd {
namespace {

class QuietProgress : public TerminalProgress {
 public:
  void planned(const builder::Plan&) override {}
  void started(builder::StepId) override {}
  void output(builder::StepId, std::string_view, bool) override {}
  void finished(builder::StepId, builder::StepOutcome) override {}
  void activity_started(const std::string&) override {}
  void activity_finished(const std::string&, bool) override {}
  void notice(const std::string&) override {}
};

}  // namespace

ProgressMode parse_progress(const std::string& text) {
  if (text == "auto" || text.empty()) return ProgressMode::automatic;
  if (text == "plain") return ProgressMode::plain;
  if (text == "tty") return ProgressMode::tty;
  if (text == "quiet") return ProgressMode::quiet;
  if (text == "rawjson") throw Error(Errc::unsupported, "--progress=rawjson is not supported yet");
  throw Error(Errc::invalid, cat("unknown progress mode \"", text, "\" (auto, plain, tty, quiet)"));
}

std::unique_ptr<TerminalProgress> make_progress(ProgressMode mode) {
  const char* term = std::getenv("TERM");
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string(term) != "dumb";
  if (mode == ProgressMode::automatic) mode = terminal ? ProgressMode::tty : ProgressMode::plain;
  if (mode == ProgressMode::quiet) return std::make_unique<QuietProgress>();
  if (mode == ProgressMode::tty) {
    if (!terminal) throw Error(Errc::invalid, "--progress=tty needs a terminal on stderr");
    const char* no_color = std::getenv("NO_COLOR");
    return std::make_unique<TtyProgress>(no_color == nullptr || *no_color == '\0');
  }
  return std::make_unique<PlainProgress>();
}

}  // namespace cooper::cmd
