#pragma once

#include <cstdint>

namespace mod_ws::protocol {

/// RFC 6455 5.2; every value that is not named here is reserved.
enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// Control frames are told by the opcode's highest bit (RFC 6455 5.5).
constexpr bool is_control(Opcode opcode) { return (static_cast<unsigned>(opcode) & 0x8) != 0; }

/// False for the opcodes RFC 6455 reserves: 3 to 7 and 11 to 15.
constexpr bool is_defined(Opcode opcode) {
  const auto value = static_cast<unsigned>(opcode);
  return (value & 0x7) <= 2;
}

/// Which side of the connection an endpoint is on: a client masks, a server does not (RFC
/// 6455 5.1).
enum class Role : std::uint8_t { server, client };

constexpr Role peer_of(Role role) { return role == Role::server ? Role::client : Role::server; }

}  // namespace mod_ws::protocol
