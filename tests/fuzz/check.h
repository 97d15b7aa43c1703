// What the fuzz targets share. A broken promise ends the process, so that the fuzzer keeps the
// input.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace cooper::fuzz {

inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

// What body returns; nullopt if it refused its input with an error of one of these codes. Whatever
// else it throws is a finding.
template <class Refusal = Error, class Body>
auto attempt(std::initializer_list<Errc> codes, Body body) -> std::optional<decltype(body())> {
  try {
    return body();
  } catch (const Refusal& error) {
    const bool documented = std::find(codes.begin(), codes.end(), error.code()) != codes.end();
    if (!documented) std::fprintf(stderr, "%s\n", error.what());
    require(documented, "errors have the documented codes");
    require(!error.message().empty(), "errors say something");
    return std::nullopt;
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The text up to the separator (all of it if there is none); the rest stays in `text`.
inline std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return head;
}

}  // namespace cooper::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
