#include "mod_ws/base/packed_strings.h"

#include <cassert>
#include <cstring>
#include <numeric>

namespace mod_ws::base {
namespace {

using End = std::uint32_t;

End end_of(const char* block, std::size_t index) {
  End end;
  std::memcpy(&end, block + index * sizeof end, sizeof end);
  return end;
}

}  // namespace

PackedStrings::PackedStrings(std::initializer_list<std::string_view> strings)
    : count_(static_cast<std::uint32_t>(strings.size())) {
  const std::size_t table_bytes = count_ * sizeof(End);
  const std::size_t text_bytes =
      std::accumulate(strings.begin(), strings.end(), std::size_t{0},
                      [](std::size_t sum, std::string_view string) { return sum + string.size(); });
  block_ = std::make_unique_for_overwrite<char[]>(table_bytes + text_bytes);
  char* table = block_.get();
  char* const text = table + table_bytes;
  End end = 0;
  for (const std::string_view string : strings) {
    string.copy(text + end, string.size());
    end += static_cast<End>(string.size());
    std::memcpy(table, &end, sizeof end);
    table += sizeof end;
  }
}

std::string_view PackedStrings::operator[](std::size_t index) const {
  assert(index < count_);
  const End start = index == 0 ? 0 : end_of(block_.get(), index - 1);
  const char* const text = block_.get() + count_ * sizeof(End);
  return {text + start, end_of(block_.get(), index) - start};
}

}  // namespace mod_ws::base
