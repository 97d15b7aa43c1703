// Work that ends when somebody asks for it.
#pragma once

#include <stop_token>

#include "base/error.h"

namespace cooper {

// Error(cancelled) when stop is requested: Ctrl-C, or another step that failed.
inline void end_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(Errc::cancelled, "interrupted");
}

}  // namespace cooper
