#include "base/descriptor_limit.h"

namespace cooper {
namespace {

rlimit& before() noexcept {
  static rlimit limit{};  // rlim_max 0: not raised
  return limit;
}

}  // namespace

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (before().rlim_max != 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) before() = limit;
}

rlimit usual_descriptor_limit() noexcept {
  if (before().rlim_max != 0) return before();
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

}  // namespace cooper
