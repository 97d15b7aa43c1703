// How this process takes memory from the kernel.
#pragma once

namespace cooper {

// For the start of main(). Memory is taken in large steps, which the kernel answers with large
// pages where it has them, and kept, as every step of a build needs the same buffers again: on a
// virtual machine the first touch of a small page was seen to take 20 us, and of as much in a large
// one 0.3 us. What is taken and not used occupies nothing.
void take_memory_in_large_steps();

// Gives back what is free, in pieces that are small pages when they are taken again: where a phase
// ends that needed tens of MiB more than the next one will.
void give_back_free_memory();

}  // namespace cooper
