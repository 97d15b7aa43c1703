// The smallest program a RUN step can run in an empty image: writes /greeting.txt and says so. No libc, so that the
// quickstart needs no base image and no network. Rebuilt by ./make-hello.
#if defined(__x86_64__)
static long call3(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
static long open_for_writing(const char* path) { return call3(2, (long)path, 01101, 0644); }
enum { kWrite = 1, kExit = 60 };
#elif defined(__aarch64__)
static long call4(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
static long call3(long number, long a, long b, long c) { return call4(number, a, b, c, 0); }
static long open_for_writing(const char* path) { return call4(56, -100, (long)path, 01101, 0644); }
enum { kWrite = 64, kExit = 93 };
#endif

void _start(void) {
  static const char kGreeting[] = "Hello from a cask made by cooper.\n";
  const long length = sizeof kGreeting - 1;
  const long file = open_for_writing("/greeting.txt");
  const int failed = file < 0 || call3(kWrite, file, (long)kGreeting, length) != length;
  call3(kWrite, 1, (long)kGreeting, length);
  call3(kExit, failed, 0, 0);
  for (;;) {
  }
}
