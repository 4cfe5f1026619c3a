#pragma once

#include <utility>

#include "mod_ws/transport/plain.h"
#include "mod_ws/transport/tls.h"

namespace mod_ws::transport {

/// A connection's byte stream, of one of the two kinds. No larger than a Tls: there are very many.
class Transport {
 public:
  Transport(Plain plain)  // NOLINT: either kind is a transport
      : stream_(plain.take_socket()) {}
  Transport(Tls tls) : stream_(std::move(tls)) {}  // NOLINT

  int fd() const { return stream_.fd(); }
  IoResult read_some(std::span<std::uint8_t> buffer) {
    return stream_.has_tls() ? stream_.read_some(buffer) : receive(fd(), buffer);
  }
  IoResult write_some(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second) {
    return stream_.has_tls() ? stream_.write_some(first, second) : send(fd(), first, second);
  }
  void shutdown_write() {
    if (stream_.has_tls()) return stream_.shutdown_write();
    end_sending(fd());
  }
  /// Of a plain one only: see Plain.
  base::UniqueFd take_socket() { return stream_.take_socket(); }
  void close() { stream_.close(); }

 private:
  Tls stream_;
};

}  // namespace mod_ws::transport
