/* For LD_PRELOAD: makes each fsync and fdatasync 5 ms longer, as a busy or remote disk does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void wait_5_ms(void) {
  struct timespec left = {0, 5000000};
  nanosleep(&left, 0);
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_5_ms();
  return real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_5_ms();
  return real(fd);
}
