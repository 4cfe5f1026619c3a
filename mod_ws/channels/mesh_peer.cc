#include "mod_ws/channels/mesh_peer.h"

#include <utility>

#include "mod_ws/base/log.h"
#include "mod_ws/engine/contain.h"

namespace mod_ws::channels {
namespace {

using engine::Interest;
using transport::IoResult;

/// A busy peer yields to the loop's sessions after so many full buffers.
constexpr int reads_a_turn = 4;

}  // namespace

MeshPeer::MeshPeer(engine::EventLoop& loop, base::UniqueFd socket, Owner& owner)
    : loop_(loop), socket_(std::move(socket)), owner_(owner) {
  if (!loop_.watch(socket_.fd(), Interest::read, *this)) end();
}

MeshPeer::~MeshPeer() {
  if (!is_gone_) loop_.unwatch(socket_.fd(), *this);
}

void MeshPeer::on_ready(engine::Readiness ready) {
  engine::contain(
      [&] {
        if (ready.writable) write_queued();
        if (!is_gone_ && (ready.readable || ready.broken)) read();
      },
      [this] { fail(); });
}

/// A part of the stream is lost.
void MeshPeer::fail() {
  base::log({}, base::LogLevel::error,
            "channels: a connection to another child is lost for lack of memory");
  end();
}

// ---- receiving

void MeshPeer::read() {
  for (int i = 0; i < reads_a_turn && !is_gone_; ++i) {
    const auto space = loop_.receive_buffer().space();
    const IoResult result = socket_.read_some(space);
    if (result.status == IoResult::Status::would_block) return;
    if (result.status != IoResult::Status::moved) return end();
    receive(space.first(result.bytes));
    if (result.bytes < space.size()) return;
  }
}

void MeshPeer::receive(std::span<const std::uint8_t> bytes) {
  const bool has_part = !part_.empty();
  if (has_part) part_.insert(part_.end(), bytes.begin(), bytes.end());
  const std::span<const std::uint8_t> all = has_part ? part_ : bytes;
  auto input = all;
  while (const auto frame = parse_mesh_frame(input)) owner_.on_mesh_frame(*this, *frame);
  if (has_part && input.size() == all.size()) return;
  part_ = std::vector<std::uint8_t>(input.begin(), input.end());
}

// ---- sending

void MeshPeer::send(std::span<const std::uint8_t> frame) {
  if (is_gone_) return;
  if (queue_.empty()) {
    const IoResult result = socket_.write_some(frame, {});
    if (result.status == IoResult::Status::failed) return end();
    frame = frame.subspan(result.bytes);
    if (frame.empty()) return;
    loop_.change_interest(socket_.fd(), Interest::read_write, *this);
  }
  queue_.append(frame);
}

void MeshPeer::write_queued() {
  const IoResult result = socket_.write_some(queue_.front(), {});
  if (result.status == IoResult::Status::failed) return end();
  queue_.consume(result.bytes);
  if (!queue_.empty()) return;
  loop_.change_interest(socket_.fd(), Interest::read, *this);
  owner_.on_queue_sent();
}

void MeshPeer::end() {
  if (std::exchange(is_gone_, true)) return;
  loop_.unwatch(socket_.fd(), *this);
  socket_.close();
  owner_.on_peer_gone(*this);
}

}  // namespace mod_ws::channels
