#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace mod_ws::tests {

/// A copy of some bytes that ends where an unreadable page begins: whoever looks one byte too far
/// ends the test.
class GuardedInput {
 public:
  explicit GuardedInput(std::span<const std::uint8_t> bytes) : size_(bytes.size()) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    readable_ = (size_ + page - 1) / page * page;
    mapped_ = readable_ + page;
    void* const memory =
        ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    base_ = static_cast<std::uint8_t*>(memory);
    if (::mprotect(base_ + readable_, page, PROT_NONE) != 0) std::abort();
    std::copy(bytes.begin(), bytes.end(), base_ + readable_ - size_);
  }
  GuardedInput(const GuardedInput&) = delete;
  GuardedInput& operator=(const GuardedInput&) = delete;
  ~GuardedInput() { ::munmap(base_, mapped_); }

  std::span<std::uint8_t> bytes() const { return {base_ + readable_ - size_, size_}; }

 private:
  std::size_t size_;
  std::size_t readable_ = 0;
  std::size_t mapped_ = 0;
  std::uint8_t* base_ = nullptr;
};

}  // namespace mod_ws::tests
