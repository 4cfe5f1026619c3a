#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ws/message.h"

namespace mod_ws::channels {

/// What members of a mesh say to each other.
struct MeshFrame {
  enum class Kind : std::uint8_t {
    publication,  ///< A message of `type` for `channel`.
    question,     ///< How many subscribe to `channel` there?
    answer,       ///< `count` do.
    request,      ///< What its process makes of `payload`; for reply.
    reply,        ///< That is `payload`.
  };

  Kind kind = Kind::publication;
  ws::MessageType type = ws::MessageType::text;
  std::uint32_t question = 0;  ///< Its number, or the request's, among the asker's.
  std::uint64_t count = 0;
  std::string_view channel;
  std::string_view payload;
};

std::vector<std::uint8_t> serialize(const MeshFrame& frame);

/// Takes a frame off the front of `input`; what it views lies there. Nothing when it has not come
/// whole.
std::optional<MeshFrame> parse_mesh_frame(std::span<const std::uint8_t>& input);

}  // namespace mod_ws::channels
