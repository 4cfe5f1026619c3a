// The load generator's own checks: a benchmark that accepts anything measures nothing.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <stdexcept>

#include "mod_ws/protocol/frame_header.h"
#include "tests/bench/load/answer_reader.h"
#include "tests/bench/load/broadcast_load.h"
#include "tests/bench/load/deliveries.h"
#include "tests/bench/load/echo_load.h"
#include "tests/bench/load/http_answer.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/message_set.h"
#include "tests/bench/load/process_tree.h"
#include "tests/bench/load/schedule.h"
#include "tests/bench/scripted_server.h"

namespace mod_ws::bench {
namespace {

using protocol::Opcode;
using std::chrono::milliseconds;
using tests::Bytes;
using tests::operator+;

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

TEST(AnswerReader, ThrowsAtALostARepeatedAndASwappedMessage) {
  const MessageSet sent({.payload_bytes = 10});
  const auto fails = [&sent](std::initializer_list<std::uint64_t> numbers) {
    Bytes answers;
    for (const std::uint64_t number : numbers) answers = answers + frame(sent.payload(number));
    EXPECT_THROW(count_in(sent, answers, answers.size()), std::runtime_error);
  };
  fails({0, 1, 3});
  fails({0, 1, 1});
  fails({0, 2, 1});
}

TEST(Deliveries, CountFromPublishingToEachSubscriber) {
  Deliveries deliveries(2);
  const Deliveries::Clock::time_point begin{};
  deliveries.publish(begin);
  deliveries.publish(begin + milliseconds(10));
  deliveries.deliver(0, begin + milliseconds(20));
  deliveries.deliver(1, begin + milliseconds(20));
  EXPECT_EQ(deliveries.under_way(), 2U);
  deliveries.deliver(0, begin + milliseconds(40));
  EXPECT_EQ(deliveries.under_way(), 1U);
  deliveries.deliver(1, begin + milliseconds(40));
  EXPECT_EQ(deliveries.under_way(), 0U);
  EXPECT_EQ(deliveries.published(), 2U);
  EXPECT_EQ(deliveries.latencies().count(), 4U);
  EXPECT_NEAR(deliveries.latencies().quantile_us(0), 10'000, 200);
  EXPECT_NEAR(deliveries.latencies().quantile_us(0.99), 40'000, 800);
}

TEST(Deliveries, ThrowAtWhatWasNotPublishedOrIsComplete) {
  Deliveries deliveries(1);
  EXPECT_THROW(deliveries.deliver(0, {}), std::runtime_error);
  deliveries.publish({});
  deliveries.deliver(0, {});
  EXPECT_THROW(deliveries.deliver(0, {}), std::runtime_error);
  EXPECT_THROW(deliveries.deliver(1, {}), std::runtime_error);
}

/// The payloads that a subscriber gets when a message is published.
using Script = std::function<std::vector<std::string>(std::size_t subscriber, std::size_t message,
                                                      const std::string& payload)>;

constexpr std::size_t subscribers = 3, window = 4;

/// Publishes to three, by the script. Before it serves the first message, it waits for others.
void publish(ScriptedServer& server, const Script& script, std::size_t first_messages) {
  std::vector<tests::Peer> sessions;
  tests::Peer publisher = server.accept();
  while (sessions.size() < subscribers) sessions.push_back(server.accept_session());
  server.receive_head(publisher);
  server.send(publisher, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"subscribers\":3}");
  std::deque<std::string> posted;
  for (std::size_t message = 0;; ++message) {
    while (posted.size() < (message == 0 ? first_messages : 1)) {
      server.receive_head(publisher);
      posted.push_back(tests::text_of(publisher.receive(Content{}.payload_bytes)));
    }
    const std::string payload = posted.front();
    posted.pop_front();
    for (std::size_t i = 0; i < subscribers; ++i) {
      for (const std::string& part : script(i, message, payload)) sessions[i].send(frame(part));
    }
    server.send(publisher, "HTTP/1.1 204 No Content\r\n\r\n");
  }
}

/// How many deliveries there are in a short time, and in one in which nothing is due.
std::uint64_t deliveries_of(const Script& script, std::size_t first_messages = 1) {
  ScriptedServer server([&](ScriptedServer& self) { publish(self, script, first_messages); });
  Options options = server.options(subscribers);
  options.in_flight = window;
  BroadcastLoad load(options);
  const Latencies latencies = load.run(milliseconds(50));
  load.listen(milliseconds(50));
  return latencies.count();
}

std::vector<std::string> once(std::size_t, std::size_t, const std::string& payload) {
  return {payload};
}

TEST(BroadcastLoad, CountsWhatEverySubscriberGets) {
  std::size_t messages = 0;
  const auto count = deliveries_of([&](std::size_t, std::size_t message, const auto& payload) {
    messages = message + 1;
    return std::vector{payload};
  });
  EXPECT_GT(messages, 4U);
  EXPECT_EQ(count, subscribers * messages);
}

TEST(BroadcastLoad, PostsItsWindowBeforeTheFirstMessageIsAnsweredOrDelivered) {
  EXPECT_GE(deliveries_of(once, window), subscribers * window);
}

TEST(BroadcastLoad, ThrowsWhereOneSubscriberMissesOneMessage) {
  EXPECT_THROW(deliveries_of([](std::size_t subscriber, std::size_t message, const auto& payload) {
                 if (subscriber == 1 && message == 2) return std::vector<std::string>{};
                 return once(subscriber, message, payload);
               }),
               std::runtime_error);
}

TEST(BroadcastLoad, ThrowsWhereTheLastMessagesAreMissing) {
  EXPECT_THROW(deliveries_of([](std::size_t subscriber, std::size_t message, const auto& payload) {
                 if (subscriber == 2 && message >= 3) return std::vector<std::string>{};
                 return once(subscriber, message, payload);
               }),
               std::runtime_error);
}

TEST(BroadcastLoad, ThrowsWhereOneSubscriberGetsAMessageTwice) {
  EXPECT_THROW(deliveries_of([](std::size_t subscriber, std::size_t message, const auto& payload) {
                 if (subscriber == 0 && message == 1) return std::vector{payload, payload};
                 return once(subscriber, message, payload);
               }),
               std::runtime_error);
}

TEST(BroadcastLoad, ThrowsWhereOneSubscriberGetsMessagesInAnotherOrder) {
  std::string kept;
  EXPECT_THROW(deliveries_of([&](std::size_t subscriber, std::size_t message, const auto& payload) {
                 if (subscriber != 1) return std::vector{payload};
                 if (message == 2) kept = payload;
                 if (message == 2) return std::vector<std::string>{};
                 return message == 3 ? std::vector{payload, kept} : std::vector{payload};
               }),
               std::runtime_error);
}

TEST(HttpAnswer, IsThereWhenAllOfItHasCome) {
  const std::string text = "HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(parse_answer(std::string_view(text).substr(0, size))) << size;
  const auto answer = parse_answer(text);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202U);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(parse_answer(text + text)->bytes, text.size());
  EXPECT_EQ(parse_answer("HTTP/1.1 204 No Content\r\n\r\n")->status, 204U);
  EXPECT_THROW(parse_answer("HTTP/1.1 200 OK\r\n\r\n"), std::runtime_error);
}

TEST(Stream, ThrowsWhereTheServerSaysNothing) {
  ScriptedServer server([](ScriptedServer& self) {
    tests::Peer session = self.accept();
    ScriptedServer::receive_head(session);
    session.receives_end();
  });
  Target target = server.options(1).target;
  target.patience = milliseconds(50);
  Stream stream(target);
  EXPECT_THROW(stream.upgrade(target, ""), std::runtime_error);
}

TEST(Schedule, SaysWhenEachMessageIsDue) {
  const Schedule::Clock::time_point begin{};
  Schedule schedule(4, begin);
  for (const int due : {0, 250, 500, 750, 1000})
    EXPECT_EQ(schedule.take(), begin + milliseconds(due));
  EXPECT_EQ(schedule.next(), begin + milliseconds(1250));
}

/// A server that stands still at first, and then echoes.
void echo_late(ScriptedServer& server, milliseconds pause) {
  tests::Peer session = server.accept_session();
  std::this_thread::sleep_for(pause);
  while (const auto message = session.receive_frame()) session.send(frame(message->text()));
}

TEST(EchoLoad, AtARateCountsWhatWaitedBehindASlowAnswer) {
  ScriptedServer server([](ScriptedServer& self) { echo_late(self, milliseconds(200)); });
  Options options = server.options(1);
  options.rate = 100;
  EchoLoad load(options);
  load.run_at_rate(milliseconds(200));
  load.settle();
  EXPECT_EQ(load.latencies().count(), 20U);
  // Due at 0, 10, 20 ... ms, and none answered before 200.
  EXPECT_GT(load.latencies().quantile_us(0.5), 80'000);
}

TEST(EchoLoad, ThrowsAtAnEchoThatNobodyAskedFor) {
  ScriptedServer server([](ScriptedServer& self) {
    tests::Peer session = self.accept_session();
    std::this_thread::sleep_for(milliseconds(100));  // not with the handshake's answer
    session.send(frame(MessageSet(Content{}).payload(0)));
    session.receives_end();
  });
  EchoLoad load(server.options(1));
  EXPECT_THROW(load.wait(milliseconds(1'000)), std::runtime_error);
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
  EXPECT_THROW(ProcessTree{std::numeric_limits<pid_t>::max()}, std::runtime_error);
}

}  // namespace
}  // namespace mod_ws::bench
