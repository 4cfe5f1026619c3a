// Connections whose bytes are no frames.

#include <gtest/gtest.h>

#include "tests/support/recording_session.h"

namespace mod_ws::connection {
namespace {

using protocol::Opcode;
using tests::bytes_of;
using tests::frames_of;
using tests::RecordingSession;
using tests::SessionOnLoop;
using ws::CloseCode;
using Cause = Ending::Cause;

TEST(ByteStream, GivesAByteStreamOnAsBinaryMessages) {
  SessionOnLoop session({.framing = Framing::none});
  session.peer.send(bytes_of("any bytes"));
  ASSERT_TRUE(session.wait_for_frames(1));
  session.peer.send({0xFF});
  ASSERT_TRUE(session.wait_for_frames(2));
  EXPECT_EQ(frames_of(session),
            (std::vector<tests::SeenFrame>{{Opcode::binary, true, 0, bytes_of("any bytes")},
                                           {Opcode::binary, true, 0, {0xFF}}}));
}

TEST(ByteStream, SendsPayloadsOnlyToAByteStream) {
  SessionOnLoop session({.framing = Framing::none});
  session.with([](RecordingSession& it) {
    it.connection.send_frame(Opcode::text, bytes_of("some, "));
    it.connection.send_frame(Opcode::ping, bytes_of("unseen"));
    it.connection.send_frame(Opcode::continuation, bytes_of("more"));
    it.connection.send_close(CloseCode::normal_closure, "unseen");
    it.connection.send_frame(Opcode::text, bytes_of("late"));
  });
  EXPECT_EQ(session.peer.receive(10), bytes_of("some, more"));
  EXPECT_TRUE(session.peer.receives_end());
}

TEST(ByteStream, WritesOnToAByteStreamThatHasEndedItsSide) {
  SessionOnLoop session({.framing = Framing::none});
  session.peer.send(bytes_of("last words"));
  session.peer.shutdown_write();
  ASSERT_TRUE(session.wait_until([](RecordingSession& it) { return it.peer_finishes > 0; }));
  session.with([](RecordingSession& it) {
    EXPECT_FALSE(it.ending);
    it.connection.send_frame(Opcode::binary, bytes_of("answer"));
    it.connection.finish();
  });
  EXPECT_EQ(session.peer.receive(6), bytes_of("answer"));
  EXPECT_TRUE(session.peer.receives_end());
  EXPECT_EQ(session.wait_for_end(), Cause::finished);
}

}  // namespace
}  // namespace mod_ws::connection
