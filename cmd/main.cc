#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/heap.h"
#include "cmd/app.h"

int main(int argc, char** argv) {
  cooper::take_memory_in_large_steps();
  const int exit_code = cooper::cmd::run(argc, argv);
#ifndef NDEBUG
  return exit_code;  // what looks for leaks does so on the way out
#else
  // Everything of ours is closed. What libraries would tidy up, the kernel does in less time.
  std::cout.flush();
  std::fflush(nullptr);
  ::_exit(exit_code);
#endif
}
