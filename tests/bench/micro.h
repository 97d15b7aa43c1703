// What the micro benchmarks share: one line per measured operation, in the order they are written.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace cooper::bench {

// Calls body (doing `amount` units of work) for half a second and at least three times, after one
// call to warm up, and prints the median. unit: "MB" gives MB/s; anything else microseconds per
// one.
void measure(const std::string& name, double amount, std::string_view unit,
             const std::function<void()>& body);
void tell_skipped(const std::string& name, std::string_view reason);

// Words separated by blanks and newlines, compressible as programs and documents are; a fixed seed.
std::string text_like(std::size_t size_bytes);

// micro_plan.cc: parsing and planning of a file as long as they come, each time in a new process of this program, which
// main() gives to plan_once().
void measure_plan();
inline constexpr std::string_view kPlanOnce = "plan-once";
void plan_once(int variables);
void measure_layers();  // micro_layers.cc: tar, compression, hashing, tables

}  // namespace cooper::bench
