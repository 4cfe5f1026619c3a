#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mod_ws/channels/publication.h"

namespace mod_ws::channels {

/// Joins the exchanges of several processes. What one publishes reaches the others in the order of
/// its threads; nothing of it comes back.
class Bus {
 public:
  using Reply = std::function<void(std::string)>;

  /// What a bus gives to its process, from any thread.
  class Receiver {
   public:
    virtual void deliver_here(std::string_view channel, Message message) = 0;
    /// Subscriptions in this process.
    virtual std::size_t count_here(std::string_view channel) const = 0;
    /// Makes of another process's request what `reply` gets, once and on any thread.
    virtual void answer(std::string_view request, Reply reply) = 0;

   protected:
    ~Receiver() = default;
  };
  using Counted = std::function<void(std::size_t)>;
  using Answered = std::function<void(std::vector<std::string>)>;

  virtual ~Bus() = default;

  /// From here on `receiver` gets what others publish.
  virtual void start(Receiver& receiver) = 0;

  // Any thread; these never wait.

  virtual void publish(SharedPublication publication) = 0;
  /// Calls `counted`, once and on any thread, with the sum of the other processes' subscriptions to
  /// the channel. A process that does not answer in time is left out.
  virtual void count_elsewhere(std::string_view channel, Counted counted) = 0;
  /// The same with what the other processes make of a request, which is in their words.
  virtual void ask_elsewhere(std::string_view request, Answered answered) = 0;

  /// Waits until what has been published has left this process, at most so long. From a thread that
  /// is no loop's.
  virtual void flush(std::chrono::milliseconds patience) = 0;
};

}  // namespace mod_ws::channels
