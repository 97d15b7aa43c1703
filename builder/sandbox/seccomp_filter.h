// The system calls a RUN step may make: equal in effect to Docker's default profile with Docker's
// default capabilities (RUN-13, RUN-14). Private to the sandbox.
//
// An allow-list for the machine's architecture and its 32-bit companions. What it does not name
// fails with EPERM; what is newer than the list, and clone3 (whose flags a filter can't see), with
// ENOSYS, so that libraries fall back to the older call.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace cooper::builder {

// Made once per process. Thread-safe. Throws Error(io) if the library refuses.
const std::vector<sock_filter>& step_seccomp_filter();
// For --security=insecure: everything but the kernel's keyrings, which no namespace divides: a
// step would have those of the user who builds.
const std::vector<sock_filter>& insecure_seccomp_filter();

}  // namespace cooper::builder
