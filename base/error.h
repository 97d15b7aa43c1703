// Failures, told once.
//
// Every failure is thrown as an Error: what went wrong, one Errc per *reaction* (not per cause),
// and a chain of contexts added where they are known ("applying layer 3 of 7"). Only cmd prints it
// and only cmd turns Errc into an exit code. Expected absence is std::optional, never an Error.
#pragma once

#include <concepts>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cooper {

enum class Errc {
  not_found,    // a named thing does not exist (file, stage, image, blob)
  invalid,      // the user's input is malformed (Dockerfile, reference, flag value)
  unsupported,  // understood, but not something this build of cooper does
  corrupt,      // bytes that must hold an invariant do not (digest mismatch, damaged store object)
  denied,       // permission or policy
  network,      // registry or server unreachable, or answered outside the protocol
  io,           // the local system refused (disk full, EIO, ...)
  step_failed,  // a RUN step's process failed
  cancelled,    // stopped because somebody asked, or because another step failed
};

std::string_view to_string(Errc code);

// Joins its arguments with operator<< : cat("layer ", 3, " of ", 7).
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

class Error : public std::runtime_error {
 public:
  Error(Errc code, const std::string& message);

  Errc code() const noexcept { return code_; }
  // The failure itself, without contexts.
  const std::string& message() const noexcept { return message_; }
  // Outermost first.
  const std::vector<std::string>& contexts() const noexcept { return contexts_; }
  // "outer: inner: message".
  const char* what() const noexcept override { return full_.c_str(); }

  void add_context(std::string context);

 private:
  Errc code_;
  std::string message_;
  std::vector<std::string> contexts_;
  std::string full_;
};

// A system call failed. code() follows errnum: ENOENT not_found, EACCES/EPERM denied, the rest io.
class SysError : public Error {
 public:
  SysError(int errnum, const std::string& what_failed);
  // Of an output or a store that cannot be made: then ENOENT, too, is io, as nobody looked for
  // something that should be there.
  static SysError making(int errnum, const std::string& object);
  int errnum() const noexcept { return errnum_; }

 private:
  SysError(int errnum, Errc code, const std::string& what_failed);

  int errnum_;
};

// Throws SysError from errno, captured before anything else runs: throw_errno("opening", path).
[[noreturn]] void throw_errno(std::string_view doing, std::string_view object);

// Runs body; an Error that leaves it gains the context string made by describe (called only then).
// Not one that says that somebody interrupted: where it was does not matter.
template <std::invocable Describe, std::invocable Body>
decltype(auto) with_context(Describe&& describe, Body&& body) {
  try {
    return body();
  } catch (Error& error) {
    if (error.code() != Errc::cancelled) error.add_context(describe());
    throw;
  }
}

}  // namespace cooper
