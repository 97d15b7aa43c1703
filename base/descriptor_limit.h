// How many descriptors this process may have open.
//
// The usual soft limit of 1024 is kept low for select(2), which nothing here uses; an overlay of many layers or a deep
// tree needs more. Programs that we start get what we were given.
#pragma once

#include <sys/resource.h>

namespace cooper {

// To the hard limit. Once, before there are threads.
void raise_descriptor_limit() noexcept;
// As it was before, or as it is when nobody raised it.
rlimit usual_descriptor_limit() noexcept;

}  // namespace cooper
