#include "mod_ws/transport/accept_key.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

#include "mod_ws/protocol/opening_handshake.h"

namespace mod_ws::transport {

std::string accept_key(std::string_view key) {
  std::string input(key);
  input += protocol::accept_guid;
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(input.data()), input.size(), digest.data());
  std::array<unsigned char, 4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1> text;
  const int size = EVP_EncodeBlock(text.data(), digest.data(), SHA_DIGEST_LENGTH);
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size)};
}

}  // namespace mod_ws::transport
