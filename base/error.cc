#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace cooper {
namespace {

Errc code_of(int errnum) noexcept {
  switch (errnum) {
    case ENOENT:
      return Errc::not_found;
    case EACCES:
    case EPERM:
      return Errc::denied;
    default:
      return Errc::io;
  }
}

// strerrordesc_np(3) and not strerror: thread-safe and the same in every locale.
std::string describe(int errnum) {
  const char* text = ::strerrordesc_np(errnum);
  if (text == nullptr) return cat("error number ", errnum);
  if (errnum == EMFILE) return cat(text, " (`ulimit -n` allows more)");
  if (errnum == ENOSYS)
    return cat(text, " (the kernel is too old, or a filter around this process refuses the call)");
  return text;
}

}  // namespace

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::not_found:
      return "not_found";
    case Errc::invalid:
      return "invalid";
    case Errc::unsupported:
      return "unsupported";
    case Errc::corrupt:
      return "corrupt";
    case Errc::denied:
      return "denied";
    case Errc::network:
      return "network";
    case Errc::io:
      return "io";
    case Errc::step_failed:
      return "step_failed";
    case Errc::cancelled:
      return "cancelled";
  }
  return "unknown";
}

Error::Error(Errc code, const std::string& message)
    : std::runtime_error(message), code_(code), message_(message), full_(message) {}

void Error::add_context(std::string context) {
  full_ = cat(context, ": ", full_);
  contexts_.insert(contexts_.begin(), std::move(context));
}

SysError::SysError(int errnum, const std::string& what_failed)
    : SysError(errnum, code_of(errnum), what_failed) {}

SysError::SysError(int errnum, Errc code, const std::string& what_failed)
    : Error(code, cat(what_failed, ": ", describe(errnum))), errnum_(errnum) {}

SysError SysError::making(int errnum, const std::string& object) {
  const Errc code = code_of(errnum);
  return {errnum, code == Errc::not_found ? Errc::io : code, "creating " + object};
}

void throw_errno(std::string_view doing, std::string_view object) {
  const int errnum = errno;  // before any allocation can change it
  throw SysError(errnum, cat(doing, " ", object));
}

}  // namespace cooper
