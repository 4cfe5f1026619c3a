/* Loaded before libc, it lets the time of day jump by the seconds that the file WS_CLOCK_JUMP has, while a process runs. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long* jump_seconds;

__attribute__((constructor)) static void map_file(void) {
  const char* const path = getenv("WS_CLOCK_JUMP");
  const int descriptor = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) abort();
  void* const memory = mmap(NULL, sizeof *jump_seconds, PROT_READ, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) abort();
  close(descriptor);
  jump_seconds = memory;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = (int)syscall(SYS_clock_gettime, clock, now);
  const int is_time_of_day = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && is_time_of_day && jump_seconds != NULL) now->tv_sec += *jump_seconds;
  return result;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval* restrict time_of_day, void* restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time_of_day->tv_sec = now.tv_sec;
  time_of_day->tv_usec = now.tv_nsec / 1000;
  return 0;
}

__attribute__((visibility("default"))) time_t time(time_t* seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != NULL) *seconds = now.tv_sec;
  return now.tv_sec;
}
