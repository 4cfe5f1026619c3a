#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mod_ws::base {

/// What makes a hash unpredictable to those who choose what is hashed.
using HashKey = std::array<std::uint64_t, 2>;

/// SipHash-2-4.
std::uint64_t keyed_hash(const HashKey& key, std::string_view bytes);

}  // namespace mod_ws::base
