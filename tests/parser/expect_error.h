// The message an Error carries, for tables of failures.
#pragma once

#include <string>

#include "base/error.h"

namespace cooper::parser {

template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

}  // namespace cooper::parser
