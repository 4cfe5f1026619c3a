#include "mod_ws/channels/mesh_peer.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"

namespace mod_ws::channels {
namespace {

using tests::Bytes;

/// A peer on a loop, and the other process here.
class MeshPeerTest : public testing::Test, MeshPeer::Owner {
 protected:
  explicit MeshPeerTest(int buffer_bytes = 0) : buffer_bytes_(buffer_bytes) {}
  // The loop calls this, which is whole from here on,
  void SetUp() override {
    auto pair = tests::make_socket_pair(buffer_bytes_);
    other_ = tests::Peer(std::move(pair.theirs));
    thread_.call([&] {
      MeshPeer::Owner& owner = *this;
      peer_.emplace(thread_.loop(), std::move(pair.ours), owner);
    });
  }
  // until here.
  void TearDown() override {
    thread_.call([this] { peer_.reset(); });
  }

  bool wait_for_payloads(std::size_t count) {
    return thread_.wait_until([this, count] { return payloads_.size() >= count; });
  }
  bool wait_until_gone() {
    return thread_.wait_until([this] { return gone_ > 0; });
  }
  void send(const std::string& payload) {
    const Bytes bytes = serialize({.channel = "room", .payload = payload});
    thread_.call([&] { peer_->send(bytes); });
  }
  std::size_t queued_bytes() {
    return thread_.call([this] { return peer_->queued_bytes(); });
  }

  const int buffer_bytes_;
  tests::Peer other_{base::UniqueFd()};
  std::vector<std::string> payloads_;
  int gone_ = 0;
  int times_sent_ = 0;
  std::optional<MeshPeer> peer_;
  tests::LoopThread thread_;

 private:
  void on_mesh_frame(MeshPeer& from, const MeshFrame& frame) override {
    EXPECT_EQ(&from, &*peer_);
    payloads_.emplace_back(frame.payload);
    if (frame.kind == MeshFrame::Kind::question) from.send(serialize(frame));
  }
  void on_queue_sent() override { ++times_sent_; }
  void on_peer_gone(MeshPeer& peer) override {
    EXPECT_TRUE(peer.is_gone());
    ++gone_;
  }
};

class MeshPeerWithSmallBuffers : public MeshPeerTest {
 protected:
  MeshPeerWithSmallBuffers() : MeshPeerTest(4096) {}
};

Bytes frame(std::string_view payload) { return serialize({.channel = "room", .payload = payload}); }

TEST_F(MeshPeerTest, ReadsFramesHoweverTheyAreCut) {
  Bytes all;
  for (const auto payload : {"first", "", "third"}) tests::operator+=(all, frame(payload));
  for (const std::uint8_t byte : all) {
    other_.send({byte});
    thread_.call([] {});  // each on its own
  }
  ASSERT_TRUE(wait_for_payloads(3));
  EXPECT_EQ(payloads_, (std::vector<std::string>{"first", "", "third"}));
}

TEST_F(MeshPeerTest, ReadsManyFramesOfOneRead) {
  Bytes all;
  for (int i = 0; i < 1000; ++i) tests::operator+=(all, frame(std::to_string(i)));
  other_.send(all);
  ASSERT_TRUE(wait_for_payloads(1000));
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_EQ(payloads_[i], std::to_string(i));
}

TEST_F(MeshPeerTest, ReadsALargeFrameBetweenSmallOnes) {
  const std::string large = tests::text_of(tests::pattern(10 << 20));
  Bytes all = frame("before");
  tests::operator+=(all, frame(large));
  tests::operator+=(all, frame("after"));
  other_.send(all);
  ASSERT_TRUE(wait_for_payloads(3));
  EXPECT_EQ(payloads_[0], "before");
  EXPECT_TRUE(payloads_[1] == large);
  EXPECT_EQ(payloads_[2], "after");
}

TEST_F(MeshPeerTest, ReadsWhatADeadProcessHasSent) {
  Bytes all;
  for (int i = 0; i < 100; ++i) tests::operator+=(all, frame(std::string(1000, 'x')));
  other_.send(all);
  other_.close();
  ASSERT_TRUE(wait_until_gone());
  EXPECT_EQ(payloads_.size(), 100U);
  EXPECT_EQ(gone_, 1);
}

TEST_F(MeshPeerTest, DropsHalfAFrameOfADeadProcess) {
  const Bytes half = frame("half");
  other_.send(Bytes(half.begin(), half.end() - 1));
  other_.close();
  ASSERT_TRUE(wait_until_gone());
  EXPECT_TRUE(payloads_.empty());
}

TEST_F(MeshPeerTest, SendsNothingToADeadProcess) {
  other_.close();
  ASSERT_TRUE(wait_until_gone());
  send("nobody reads it");
  EXPECT_EQ(queued_bytes(), 0U);
  EXPECT_EQ(gone_, 1);
}

TEST_F(MeshPeerTest, NoticesADeathWhileItSends) {
  other_.close();
  thread_.call([this] { peer_->send(frame("nobody reads it")); });
  EXPECT_TRUE(wait_until_gone());
  EXPECT_EQ(gone_, 1);
}

TEST_F(MeshPeerTest, MaySendWhileItReads) {
  Bytes all;
  for (const auto payload : {"one", "two"}) {
    tests::operator+=(
        all, serialize({.kind = MeshFrame::Kind::question, .channel = {}, .payload = payload}));
  }
  other_.send(all);
  EXPECT_EQ(other_.receive(all.size()), all);
}

TEST_F(MeshPeerWithSmallBuffers, QueuesWhatIsNotTakenAndSendsItInOrder) {
  Bytes expected;
  for (int i = 0; i < 50; ++i) {
    const std::string payload = std::to_string(i) + std::string(10'000, 'x');
    send(payload);
    tests::operator+=(expected, frame(payload));
  }
  EXPECT_GT(queued_bytes(), 300'000U);
  EXPECT_TRUE(other_.receive(expected.size()) == expected);
  EXPECT_EQ(queued_bytes(), 0U);
  EXPECT_EQ(times_sent_, 1);
  send("at once");
  EXPECT_EQ(other_.receive(frame("at once").size()), frame("at once"));
}

TEST_F(MeshPeerWithSmallBuffers, ReadsWhileTheOtherOneDoesNot) {
  send(std::string(100'000, 'x'));
  EXPECT_GT(queued_bytes(), 0U);
  other_.send(frame("still heard"));
  EXPECT_TRUE(wait_for_payloads(1));
}

TEST_F(MeshPeerWithSmallBuffers, EndsOnceWithWhatItHasQueued) {
  send(std::string(100'000, 'x'));
  other_.close();
  ASSERT_TRUE(wait_until_gone());
  thread_.call([] {});
  EXPECT_EQ(gone_, 1);
}

}  // namespace
}  // namespace mod_ws::channels
