// What the step's filter allows, as data. Private to the sandbox.
#pragma once

#include <cstdint>
#include <span>

namespace cooper::builder {

// Calls that are older than the common numbering; names that an architecture lacks are passed over.
std::span<const char* const> allowed_syscalls();

// From number 424 on (Linux 5.1), a call has the same number on every architecture; listing these
// by number keeps the filter independent of the library's version.
constexpr std::uint32_t kFirstCommonSyscall = 424;
constexpr std::uint32_t kLastKnownSyscall = 466;  // removexattrat, Linux 6.13
struct NumberRange {
  std::uint32_t first;
  std::uint32_t last;
};
std::span<const NumberRange> allowed_common_syscalls();

// socket(2) families: all but those that lead out of the sandbox or have a history of kernel holes
// (AF_VSOCK, AF_ALG, DECnet, Econet, ATM, IrDA, ISDN, CAIF) and those yet to come.
std::span<const NumberRange> allowed_socket_families();

// personality(2) arguments.
std::span<const std::uint32_t> allowed_personalities();

}  // namespace cooper::builder
