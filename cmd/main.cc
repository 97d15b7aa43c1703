#include "base/heap.h"
#include "cmd/app.h"

int main(int argc, char** argv) {
  cooper::take_memory_in_large_steps();
  return cooper::cmd::run(argc, argv);
}
