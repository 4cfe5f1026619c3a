#pragma once

#include <variant>

#include "mod_ws/transport/plain.h"
#include "mod_ws/transport/tls.h"

namespace mod_ws::transport {

/// A connection's byte stream, of one of the two kinds.
class Transport {
 public:
  Transport(Plain plain) : stream_(std::move(plain)) {}  // NOLINT: either kind is a transport
  Transport(Tls tls) : stream_(std::move(tls)) {}        // NOLINT

  int fd() const {
    return std::visit([](const auto& stream) { return stream.fd(); }, stream_);
  }
  IoResult read_some(std::span<std::uint8_t> buffer) {
    return std::visit([&](auto& stream) { return stream.read_some(buffer); }, stream_);
  }
  IoResult write_some(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second) {
    return std::visit([&](auto& stream) { return stream.write_some(first, second); }, stream_);
  }
  void shutdown_write() {
    std::visit([](auto& stream) { stream.shutdown_write(); }, stream_);
  }
  /// Of a plain one only: see Plain.
  base::UniqueFd take_socket() { return std::get<Plain>(stream_).take_socket(); }
  void close() {
    std::visit([](auto& stream) { stream.close(); }, stream_);
  }

 private:
  std::variant<Plain, Tls> stream_;
};

}  // namespace mod_ws::transport
