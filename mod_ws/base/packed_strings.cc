#include "mod_ws/base/packed_strings.h"

#include <cassert>
#include <cstdint>
#include <cstring>
#include <numeric>

namespace mod_ws::base {
namespace {

using Number = std::uint32_t;

Number number_at(const char* block, std::size_t index) {
  Number number;
  std::memcpy(&number, block + index * sizeof number, sizeof number);
  return number;
}

void put_number(char* block, std::size_t index, std::size_t value) {
  const auto number = static_cast<Number>(value);
  std::memcpy(block + index * sizeof number, &number, sizeof number);
}

}  // namespace

PackedStrings::PackedStrings(std::span<const std::string_view> strings) {
  const std::size_t table_bytes = (1 + strings.size()) * sizeof(Number);
  const std::size_t text_bytes =
      std::accumulate(strings.begin(), strings.end(), std::size_t{0},
                      [](std::size_t sum, std::string_view string) { return sum + string.size(); });
  block_ = std::make_unique_for_overwrite<char[]>(table_bytes + text_bytes);
  put_number(block_.get(), 0, strings.size());
  std::size_t end = 0;
  std::size_t index = 0;
  for (const std::string_view string : strings) {
    string.copy(block_.get() + table_bytes + end, string.size());
    end += string.size();
    put_number(block_.get(), ++index, end);
  }
}

std::size_t PackedStrings::size() const { return number_at(block_.get(), 0); }

std::string_view PackedStrings::operator[](std::size_t index) const {
  const char* const block = block_.get();
  const std::size_t count = number_at(block, 0);
  assert(index < count);
  const std::size_t start = index == 0 ? 0 : number_at(block, index);
  const char* const text = block + (1 + count) * sizeof(Number);
  return {text + start, number_at(block, index + 1) - start};
}

}  // namespace mod_ws::base
