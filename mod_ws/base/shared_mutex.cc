#include "mod_ws/base/shared_mutex.h"

#include <cerrno>
#include <ctime>

namespace mod_ws::base {

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
  timespec deadline{};
  ::clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += patience_seconds;
  return taken(::pthread_mutex_clocklock(&mutex_, CLOCK_MONOTONIC, &deadline));
}

SharedMutex::Taken SharedMutex::taken(int error) {
  if (error == 0) return Taken::yes;
  if (error != EOWNERDEAD) return Taken::no;
  ::pthread_mutex_consistent(&mutex_);
  return Taken::from_the_dead;
}

}  // namespace mod_ws::base
