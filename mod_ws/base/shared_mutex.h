#pragma once

#include <pthread.h>

namespace mod_ws::base {

/// A lock for memory that processes share. The kernel passes it on when its owner dies, and the
/// next owner is told, so that it can set right what was left half done.
class SharedMutex {
 public:
  enum class Taken : unsigned char {
    no,  ///< Not within the patience.
    yes,
    from_the_dead,  ///< Its last owner died with it.
  };

  SharedMutex();
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  Taken lock();
  /// Gives up after `patience_seconds`: its owner has been stopped.
  Taken lock_for(int patience_seconds);
  void unlock() { ::pthread_mutex_unlock(&mutex_); }

 private:
  Taken taken(int error);

  pthread_mutex_t mutex_;
};

}  // namespace mod_ws::base
