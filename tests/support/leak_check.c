/* Loaded before libc, it asks LeakSanitizer at the end of each child of httpd's and of each keeper. At the end of all it would be too late:
   httpd has unloaded its modules by then, and what they held looks lost. */

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the sanitizer itself: its shadow, and what malloc() gives. */
static int is_sanitizers(uintptr_t begin) {
  return begin < 0x100080000000 || (begin >= 0x600000000000 && begin < 0x640000000000);
}

/* Pools get their memory from mmap(2), and what they hold is not lost. A thread's stack lies behind a page that nobody may touch. */
static void register_pools(void) {
  FILE* const maps = fopen("/proc/self/maps", "re");
  char line[512];
  uintptr_t guard_end = 0;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    unsigned long inode = 0;
    char permissions[5] = "";
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &begin, &end, permissions, &inode) != 4) continue;
    if (strcmp(permissions, "---p") == 0) {
      guard_end = end;
    } else if (inode == 0 && strcmp(permissions, "rw-p") == 0 && begin != guard_end && !is_sanitizers(begin)) {
      __lsan_register_root_region((const void*)begin, end - begin);
    }
  }
  if (maps != NULL) fclose(maps);
}

static void look_for_leaks(void) {
  prctl(PR_SET_DUMPABLE, 1); /* httpd has changed its user, and LeakSanitizer traces it */
  register_pools();
  __lsan_do_recoverable_leak_check();
}

/* What is registered last is called first. */
static void begin_child(void) { atexit(look_for_leaks); }

__attribute__((constructor)) static void begin(void) {
  const int is_httpd = dlsym(RTLD_DEFAULT, "ap_hook_child_init") != NULL;
  if (is_httpd) pthread_atfork(NULL, NULL, begin_child);
}

__attribute__((visibility("default"), noreturn)) void _exit(int status) {
  char name[16] = "";
  prctl(PR_GET_NAME, name);
  if (strcmp(name, "ws-keeper") == 0) look_for_leaks();
  for (;;) syscall(SYS_exit_group, status);
}
