#include "base/heap.h"

#include <malloc.h>

namespace cooper {

void take_memory_in_large_steps() {
  constexpr int kStepBytes = 16 << 20;
  ::mallopt(M_TOP_PAD, kStepBytes);
  ::mallopt(M_MMAP_THRESHOLD, kStepBytes);
  ::mallopt(M_TRIM_THRESHOLD, kStepBytes);
}

void give_back_free_memory() {
  ::malloc_trim(0);
}

}  // namespace cooper
