// Starts the program of a step.
//
// Whoever calls execve may name itself: a step whose program is /proc/self/exe, or a script that
// says so, would start the caller's file, and with a loader of the image's own choosing could then
// change that file. So the caller is not cooper but this: a few instructions without a library or a
// loader, in a file system of its own that nobody can write to (sandbox/launcher.h).
//
//   argv[0]  how many paths follow, in decimal
//   then     the paths to try, in order
//   then     the program's own argv
//
// As execvpe(3), but a file without a known format is not given to a shell (RUN-24).
#include "builder/sandbox/launch.h"

namespace {

using cooper::builder::kControlFd;
using cooper::builder::StepMessage;

// The kernel's numbers, the same on every architecture cooper is built for.
constexpr long kNoEntry = 2;
constexpr long kDenied = 13;
constexpr long kNotDirectory = 20;
constexpr long kSetDescriptorFlags = 2;
constexpr long kCloseOnExec = 1;
constexpr long kNotStarted = 127;

struct Numbers {
  long write;
  long execve;
  long fcntl;
  long exit_group;
};

#if defined(__x86_64__)
constexpr Numbers kCalls{1, 59, 72, 231};

long call(long number, long first, long second, long third) {
  long result = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(first), "S"(second), "d"(third)
               : "rcx", "r11", "memory");
  return result;
}

asm(".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call launch\n"
    "  hlt\n");
#elif defined(__aarch64__)
constexpr Numbers kCalls{64, 221, 25, 94};

long call(long number, long first, long second, long third) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = first;
  register long x1 asm("x1") = second;
  register long x2 asm("x2") = third;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}

asm(".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x0, sp\n"
    "  bl launch\n"
    "  brk #0\n");
#elif defined(__riscv) && __riscv_xlen == 64
constexpr Numbers kCalls{64, 221, 25, 94};

long call(long number, long first, long second, long third) {
  register long a7 asm("a7") = number;
  register long a0 asm("a0") = first;
  register long a1 asm("a1") = second;
  register long a2 asm("a2") = third;
  asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
  return a0;
}

asm(".globl _start\n"
    "_start:\n"
    ".option push\n"
    ".option norelax\n"
    "  la gp, __global_pointer$\n"
    ".option pop\n"
    "  mv a0, sp\n"
    "  call launch\n"
    "  ebreak\n");
#else
#error \
    "the launcher needs the system calls of this architecture: their numbers, how they are made, how a program begins"
#endif

long address(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

long number_in(const char* text) {
  long number = 0;
  for (; *text >= '0' && *text <= '9' && number < 1'000'000; ++text) {
    number = number * 10 + (*text - '0');
  }
  return number;
}

// Why none of the paths could be started.
long try_each(char** paths, long count, char** arguments, char** environment) {
  long reason = kNoEntry;
  for (long i = 0; i < count; ++i) {
    const long error =
        -call(kCalls.execve, address(paths[i]), address(arguments), address(environment));
    if (error == kDenied) {
      reason = error;
    } else if (error != kNoEntry && error != kNotDirectory) {
      return error;
    }
  }
  return reason;
}

}  // namespace

// stack: as the kernel leaves it for a new program, argc first.
extern "C" [[noreturn]] void launch(long* stack) {
  const long words = stack[0];
  char** const argv = reinterpret_cast<char**>(stack + 1);
  char** const environment = argv + words + 1;
  const long count = words > 0 ? number_in(argv[0]) : 0;
  call(kCalls.fcntl, kControlFd, kSetDescriptorFlags, kCloseOnExec);
  if (count < words) {
    const long error = try_each(argv + 1, count, argv + 1 + count, environment);
    const StepMessage message{StepMessage::Kind::exec_failed, 0, static_cast<std::int32_t>(error),
                              0};
    call(kCalls.write, kControlFd, address(&message), sizeof message);
  }
  for (;;) call(kCalls.exit_group, kNotStarted, 0, 0);
}
