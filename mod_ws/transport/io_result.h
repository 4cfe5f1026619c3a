#pragma once

#include <cstddef>
#include <cstdint>

namespace mod_ws::transport {

/// What one read or write came to. Would-block is a result, not an error.
struct IoResult {
  enum class Status : std::uint8_t {
    moved,        ///< `bytes` were read or written; fewer than asked for means no more go now.
    would_block,  ///< Nothing moved.
    end,          ///< Read only: the peer has ended its side in an orderly way.
    failed,       ///< The connection is of no more use; `error` is an errno, 0 for a TLS error.
  };

  Status status = Status::would_block;
  std::size_t bytes = 0;
  int error = 0;
};

}  // namespace mod_ws::transport
