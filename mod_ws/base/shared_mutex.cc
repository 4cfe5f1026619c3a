#include "mod_ws/base/shared_mutex.h"

#include <cerrno>
#include <ctime>

namespace mod_ws::base {
namespace {

#ifdef __SANITIZE_THREAD__
/// g++ 12's ThreadSanitizer does not see pthread_mutex_clocklock(), and so nobody who has the lock.
/// This deadline jumps with the time of day.
int lock_within(pthread_mutex_t& mutex, int seconds) {
  timespec deadline{};
  ::clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += seconds;
  return ::pthread_mutex_timedlock(&mutex, &deadline);
}
#else
int lock_within(pthread_mutex_t& mutex, int seconds) {
  timespec deadline{};
  ::clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += seconds;
  return ::pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline);
}
#endif

}  // namespace

SharedMutex::SharedMutex() {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutex_init(&mutex_, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
}

SharedMutex::Taken SharedMutex::lock() { return taken(::pthread_mutex_lock(&mutex_)); }

SharedMutex::Taken SharedMutex::lock_for(int patience_seconds) {
  return taken(lock_within(mutex_, patience_seconds));
}

SharedMutex::Taken SharedMutex::taken(int error) {
  if (error == 0) return Taken::yes;
  if (error != EOWNERDEAD) return Taken::no;
  ::pthread_mutex_consistent(&mutex_);
  return Taken::from_the_dead;
}

}  // namespace mod_ws::base
