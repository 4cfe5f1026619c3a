#include "mod_ws/channels/mesh_frame.h"

#include <array>
#include <cstring>
#include <type_traits>

namespace mod_ws::channels {
namespace {

/// Between processes of one machine, of the same module: in its own byte order.
struct Header {
  std::uint64_t count;
  std::uint64_t payload_bytes;
  std::uint32_t channel_bytes;
  std::uint32_t question;
  MeshFrame::Kind kind;
  ws::MessageType type;
  std::array<std::uint8_t, 6> unused;  // zero; no byte is left as it was in memory
};
static_assert(std::has_unique_object_representations_v<Header>);

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::vector<std::uint8_t> serialize(const MeshFrame& frame) {
  const Header header{.count = frame.count,
                      .payload_bytes = frame.payload.size(),
                      .channel_bytes = static_cast<std::uint32_t>(frame.channel.size()),
                      .question = frame.question,
                      .kind = frame.kind,
                      .type = frame.type,
                      .unused = {}};
  std::vector<std::uint8_t> bytes;
  bytes.reserve(sizeof header + frame.channel.size() + frame.payload.size());
  bytes.resize(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes.insert(bytes.end(), frame.channel.begin(), frame.channel.end());
  bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
  return bytes;
}

std::optional<MeshFrame> parse_mesh_frame(std::span<const std::uint8_t>& input) {
  Header header;
  if (input.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, input.data(), sizeof header);
  const auto body = input.subspan(sizeof header);
  if (body.size() < header.channel_bytes ||
      body.size() - header.channel_bytes < header.payload_bytes) {
    return std::nullopt;
  }
  const auto payload_bytes = static_cast<std::size_t>(header.payload_bytes);
  input = body.subspan(header.channel_bytes + payload_bytes);
  return MeshFrame{.kind = header.kind,
                   .type = header.type,
                   .question = header.question,
                   .count = header.count,
                   .channel = text_of(body.first(header.channel_bytes)),
                   .payload = text_of(body.subspan(header.channel_bytes, payload_bytes))};
}

}  // namespace mod_ws::channels
