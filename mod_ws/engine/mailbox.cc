#include "mod_ws/engine/mailbox.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "mod_ws/engine/contain.h"

namespace mod_ws::engine {

Mailbox::Mailbox() : wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wakeup_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Mailbox::post(Letter letter) {
  bool is_first;
  {
    const std::lock_guard lock(mutex_);
    is_first = letters_.empty();
    letters_.push_back(std::move(letter));
  }
  if (!is_first) return;  // the loop has been woken for the one before
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the fd is readable already.
  [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
}

void Mailbox::deliver() {
  std::uint64_t count;
  [[maybe_unused]] const auto bytes = ::read(wakeup_.get(), &count, sizeof count);
  std::vector<Letter> letters;
  {
    const std::lock_guard lock(mutex_);
    letters.swap(letters_);
  }
  for (Letter& letter : letters) contain(letter);
}

}  // namespace mod_ws::engine
