#include <malloc.h>

#include "cmd/app.h"

int main(int argc, char** argv) {
  // Every step needs the same buffers again: memory that is kept need not be faulted in again.
  constexpr int kKeptBytes = 16 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kKeptBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  return cooper::cmd::run(argc, argv);
}
