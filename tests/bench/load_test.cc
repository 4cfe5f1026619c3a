// The load generator's own checks: a benchmark that accepts anything measures nothing.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "mod_ws/protocol/frame_header.h"
#include "tests/bench/load/answer_reader.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/message_set.h"
#include "tests/bench/load/process_tree.h"

namespace mod_ws::bench {
namespace {

using Bytes = std::vector<std::uint8_t>;
using protocol::Opcode;

Bytes operator+(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// A server's frame.
Bytes frame(std::string_view payload,
            const protocol::FrameHeader& like = {.opcode = Opcode::text}) {
  protocol::FrameHeader header = like;
  header.payload_length = payload.size();
  std::array<std::uint8_t, protocol::max_frame_header_bytes> head;
  const std::size_t size = serialize_frame_header(header, head);
  return Bytes(head.begin(), head.begin() + static_cast<long>(size)) +
         Bytes(payload.begin(), payload.end());
}

/// How many messages the bytes make, in pieces of this size.
std::size_t count_in(const MessageSet& expected, const Bytes& bytes, std::size_t piece) {
  AnswerReader reader(expected);
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    reader.receive(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
  return reader.message_count();
}

TEST(AnswerReader, CountsEchoesHoweverTheyAreCut) {
  for (const std::size_t payload_bytes : {0, 1, 125, 126, 65'535, 65'536}) {
    const MessageSet sent({.payload_bytes = payload_bytes});
    Bytes answers;
    for (std::uint64_t i = 0; i < 3; ++i) answers = answers + frame(sent.payload(i));
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, answers.size()})
      EXPECT_EQ(count_in(sent, answers, piece), 3U) << payload_bytes << " in " << piece;
  }
}

TEST(AnswerReader, JoinsFragmentsAroundAPingAndAnswersIt) {
  const MessageSet sent({.payload_bytes = 10});
  const std::string_view payload = sent.payload(0);
  const Bytes answer = frame(payload.substr(0, 4), {.opcode = Opcode::text, .fin = false}) +
                       frame("hello", {.opcode = Opcode::ping}) +
                       frame(payload.substr(4), {.opcode = Opcode::continuation});
  AnswerReader reader(sent);
  EXPECT_EQ(reader.receive(answer), 1U);
  const auto pong = masked_frame(0x8a, "hello");
  EXPECT_EQ(reader.take_pong(), std::string(pong.begin(), pong.end()));
  EXPECT_EQ(reader.take_pong(), "");
}

TEST(AnswerReader, InflatesWhatWasDeflated) {
  const MessageSet sent({.payload_bytes = 1'000, .is_json = true, .is_compressed = true});
  const protocol::FrameHeader compressed{.opcode = Opcode::text, .rsv = protocol::rsv1_bit};
  const Bytes answers = frame(deflate_message(sent.payload(0)), compressed) +
                        frame(deflate_message(sent.payload(1)), compressed);
  EXPECT_EQ(count_in(sent, answers, 100), 2U);
}

TEST(AnswerReader, ThrowsAtWhatIsNoEcho) {
  const MessageSet sent({.payload_bytes = 10});
  const MessageSet deflated({.payload_bytes = 10, .is_compressed = true});
  const auto fails = [](const MessageSet& expected, const Bytes& answer) {
    EXPECT_THROW(count_in(expected, answer, answer.size()), std::runtime_error);
  };
  fails(sent, frame(sent.payload(1)));
  fails(sent, frame(sent.payload(0).substr(1)));
  fails(sent, frame(std::string(sent.payload(0)) + "x"));
  fails(sent, frame(sent.payload(0), {.opcode = Opcode::binary}));
  fails(sent, frame(deflate_message(sent.payload(0)),
                    {.opcode = Opcode::text, .rsv = protocol::rsv1_bit}));
  fails(sent, masked_frame(0x81, sent.payload(0)));
  fails(sent, frame("", {.opcode = Opcode::close}));
  fails(deflated, frame(deflated.payload(0)));
}

TEST(Latencies, KnowTheirQuantiles) {
  Latencies latencies;
  for (int i = 1; i <= 1000; ++i) latencies.add(std::chrono::microseconds(i));
  EXPECT_EQ(latencies.count(), 1000U);
  EXPECT_NEAR(latencies.quantile_us(0.5), 500, 10);
  EXPECT_NEAR(latencies.quantile_us(0.99), 990, 20);
  Latencies more;
  more.add(latencies);
  more.add(std::chrono::seconds(1));
  EXPECT_NEAR(more.quantile_us(0.9999), 1e6, 2e4);
}

TEST(ProcessTree, KnowsWhatAProcessUses) {
  const ProcessTree self(::getpid());
  const Usage before = self.usage();
  const Bytes memory(8 << 20, 1);
  EXPECT_GE(self.usage().memory_bytes, before.memory_bytes + memory.size());
  EXPECT_GT(self.usage().cpu_ns, before.cpu_ns);
}

TEST(ProcessTree, ThrowsWhereThereIsNoProcess) {
  EXPECT_THROW(ProcessTree(std::numeric_limits<pid_t>::max()), std::runtime_error);
}

}  // namespace
}  // namespace mod_ws::bench
