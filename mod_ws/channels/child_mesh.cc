#include "mod_ws/channels/child_mesh.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "mod_ws/base/log.h"
#include "mod_ws/connection/prepared_message.h"
#include "mod_ws/engine/contain.h"

namespace mod_ws::channels {
namespace {

constexpr std::chrono::milliseconds answer_patience{1'000};
/// Until a new member is tried again that there was no descriptor for.
constexpr std::chrono::milliseconds accept_again_after{100};

}  // namespace

/// Waits for the other members' answers, on the mesh's loop.
class ChildMesh::Question final : public engine::Timer {
 public:
  Question(ChildMesh& mesh, std::uint32_t number, std::size_t asked, Ended ended)
      : mesh_(mesh), number_(number), missing_(asked), ended_(std::move(ended)) {}

  std::uint32_t number() const { return number_; }
  void add(const MeshFrame& answer) {
    sum_ += answer.count;
    replies_.emplace_back(answer.payload);
    if (--missing_ == 0) mesh_.end_question(number_);
  }
  void tell() { ended_(sum_, std::move(replies_)); }

 private:
  void on_timer() override { mesh_.end_question(number_); }

  ChildMesh& mesh_;
  std::uint32_t number_;
  std::size_t missing_;
  std::size_t sum_ = 0;
  std::vector<std::string> replies_;
  Ended ended_;
};

ChildMesh::ChildMesh(MeshTable& table, engine::EventLoop& loop)
    : table_(table), loop_(loop), membership_(table.join()) {}

ChildMesh::~ChildMesh() {
  if (accepting_ == Accepting::by_event) loop_.unwatch(membership_.listener.get(), *this);
}

void ChildMesh::start(Receiver& receiver) {
  receiver_ = &receiver;
  loop_.post([this] { take_up(); });
}

void ChildMesh::take_up() {
  for (auto& connection : membership_.earlier) add_peer(std::move(connection));
  membership_.earlier.clear();
  if (has_joined()) accept_waiting();
}

void ChildMesh::add_peer(base::UniqueFd socket) {
  MeshPeer::Owner& owner = *this;
  peers_.push_back(std::make_shared<MeshPeer>(loop_, std::move(socket), owner));
  if (!peers_.back()->is_gone()) return;
  base::log({}, base::LogLevel::error,
            "channels: what is published does not reach another child, whose socket cannot be "
            "watched (fs.epoll.max_user_watches)");
}

/// A new member connects before it has a session, so whoever does this before each publication
/// leaves out nobody.
void ChildMesh::welcome_new_members() {
  if (has_joined() && welcomed_ != table_.joined()) accept_waiting();
}

/// Whether somebody has joined or not: a stranger that is left waiting would be told of for ever.
void ChildMesh::accept_waiting() {
  const std::uint64_t joined = table_.joined();
  auto accepted = table_.accept_later(membership_.listener.get());
  for (auto& socket : accepted.members) add_peer(std::move(socket));
  if (accepted.error != 0) return try_again_later(accepted.error);
  welcomed_ = joined;
  watch_listener();
}

void ChildMesh::watch_listener() {
  if (accepting_ == Accepting::by_event) return;
  if (!loop_.watch(membership_.listener.get(), engine::Interest::read, *this))
    return try_again_later(errno);
  accepting_ = Accepting::by_event;
  Timer::cancel();
}

/// By a timer, because the listener stays readable as long as somebody waits there.
void ChildMesh::try_again_later(int error) {
  const auto before = std::exchange(accepting_, Accepting::by_timer);
  if (before == Accepting::by_event) loop_.unwatch(membership_.listener.get(), *this);
  if (before != Accepting::by_timer) {
    base::log({}, base::LogLevel::error,
              "channels: what is published does not reach new children as long as there can be no "
              "connections to them: " +
                  std::generic_category().message(error));
  }
  loop_.set_timer(*this, accept_again_after);
}

// ---- sending

void ChildMesh::publish(SharedPublication publication) {
  loop_.post([this, publication = std::move(publication)] {
    welcome_new_members();
    send_to_all({.kind = MeshFrame::Kind::publication,
                 .type = publication->message()->type,
                 .channel = publication->channel(),
                 .payload = publication->message()->payload});
  });
}

void ChildMesh::send_to_all(const MeshFrame& frame) {
  if (peers_.empty()) return;
  const auto bytes = serialize(frame);
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i]->queued_bytes() > max_queued_bytes) {
      note_left_out();
    } else {
      peers_[i]->send(bytes);
    }
  }
}

void ChildMesh::note_left_out() {
  const auto left_out = left_out_.count();
  if (left_out == 0) return;
  base::log({}, base::LogLevel::warning,
            "channels: another child takes publications too slowly, and while more than " +
                std::to_string(max_queued_bytes >> 20) +
                " MB wait for it gets no further ones; publications it did not get since this was "
                "last said: " +
                std::to_string(left_out));
}

// ---- flushing

void ChildMesh::flush(std::chrono::milliseconds patience) {
  const auto flushed = std::make_shared<std::promise<void>>();
  loop_.post([this, flushed] {
    flushes_.push_back(flushed);
    end_flushes();
  });
  flushed->get_future().wait_for(patience);
}

void ChildMesh::end_flushes() {
  const bool is_sent = std::all_of(peers_.begin(), peers_.end(), [](const auto& peer) {
    return peer->is_gone() || peer->queued_bytes() == 0;
  });
  if (!is_sent) return;
  for (const auto& flushed : std::exchange(flushes_, {})) flushed->set_value();
}

// ---- asking

void ChildMesh::count_elsewhere(std::string_view channel, Counted counted) {
  loop_.post([this, channel = std::string(channel), counted = std::move(counted)]() mutable {
    ask({.kind = MeshFrame::Kind::question, .channel = channel, .payload = {}},
        [counted = std::move(counted)](std::size_t sum, const auto&) { counted(sum); });
  });
}

void ChildMesh::ask_elsewhere(std::string_view request, Answered answered) {
  loop_.post([this, request = std::string(request), answered = std::move(answered)]() mutable {
    ask({.kind = MeshFrame::Kind::request, .channel = {}, .payload = request},
        [answered = std::move(answered)](std::size_t, std::vector<std::string> replies) {
          answered(std::move(replies));
        });
  });
}

void ChildMesh::ask(MeshFrame frame, Ended ended) {
  welcome_new_members();
  if (peers_.empty()) return ended(0, {});
  frame.question = ++last_question_;
  questions_.push_back(
      std::make_unique<Question>(*this, frame.question, peers_.size(), std::move(ended)));
  loop_.set_timer(*questions_.back(), answer_patience);
  send_to_all(frame);
}

/// Not at once: it may be the question itself that calls.
void ChildMesh::end_question(std::uint32_t number) {
  loop_.post([this, number] {
    const auto known =
        std::find_if(questions_.begin(), questions_.end(),
                     [&](const auto& question) { return question->number() == number; });
    if (known == questions_.end()) return;
    const auto question = std::move(*known);
    questions_.erase(known);
    question->tell();
  });
}

// ---- from the other members

void ChildMesh::on_mesh_frame(MeshPeer& from, const MeshFrame& frame) {
  switch (frame.kind) {
    case MeshFrame::Kind::publication:
      // Before it is checked and framed.
      if (receiver_->count_here(frame.channel) == 0) return;
      // For lack of memory this publication is lost, and not the stream of all.
      return engine::contain([&] {
        receiver_->deliver_here(frame.channel, std::make_shared<connection::PreparedMessage>(
                                                   frame.type, frame.payload));
      });
    case MeshFrame::Kind::question:
      return from.send(serialize({.kind = MeshFrame::Kind::answer,
                                  .question = frame.question,
                                  .count = receiver_->count_here(frame.channel),
                                  .channel = {},
                                  .payload = {}}));
    case MeshFrame::Kind::request:
      return reply(from, frame);
    case MeshFrame::Kind::answer:
    case MeshFrame::Kind::reply:
      return take_answer(frame);
  }
}

/// On whatever thread it is made; by then the asker may be gone.
void ChildMesh::reply(const MeshPeer& to, const MeshFrame& request) {
  const auto peer = std::find_if(peers_.begin(), peers_.end(),
                                 [&](const auto& known) { return known.get() == &to; });
  const std::weak_ptr<MeshPeer> asker = *peer;
  receiver_->answer(request.payload, [this, asker, number = request.question](std::string text) {
    loop_.post([asker, number, text = std::move(text)] {
      const auto present = asker.lock();
      if (!present) return;
      present->send(serialize(
          {.kind = MeshFrame::Kind::reply, .question = number, .channel = {}, .payload = text}));
    });
  });
}

void ChildMesh::take_answer(const MeshFrame& frame) {
  for (const auto& question : questions_) {
    if (question->number() == frame.question) return question->add(frame);
  }
}

/// Not at once: it may be the peer itself that calls.
void ChildMesh::on_peer_gone(MeshPeer&) {
  loop_.post([this] {
    for (const auto& peer : peers_) {
      if (peer->is_gone()) loop_.release_later(peer);
    }
    std::erase_if(peers_, [](const auto& peer) { return peer->is_gone(); });
    end_flushes();
  });
}

}  // namespace mod_ws::channels
