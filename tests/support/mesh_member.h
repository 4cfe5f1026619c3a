#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "mod_ws/channels/child_mesh.h"
#include "tests/support/loop_thread.h"
#include "tests/support/subscriber.h"

namespace mod_ws::tests {

/// What a child process is in a mesh: a loop, and what it has received.
class MeshMember final : channels::Bus::Receiver {
 public:
  explicit MeshMember(channels::MeshTable& table)
      : mesh_(std::make_unique<channels::ChildMesh>(table, thread.loop())) {
    Receiver& receiver = *this;
    mesh_->start(receiver);
  }
  ~MeshMember() {
    thread.halt();
    mesh_.reset();
  }

  channels::ChildMesh& mesh() { return *mesh_; }

  void publish(const std::string& payload, ws::MessageType type = ws::MessageType::text) {
    mesh_->publish(publication("room", prepared(payload, type)));
  }

  bool wait_for(std::size_t count) {
    return thread.wait_until([&] { return received.size() >= count; });
  }
  std::vector<std::string> payloads() {
    return thread.call([this] {
      std::vector<std::string> texts;
      for (const auto& publication : received) texts.emplace_back(publication->message()->payload);
      return texts;
    });
  }

  /// What the others count; nothing when there is no answer.
  std::optional<std::size_t> count_elsewhere(std::string_view channel) {
    auto answer = std::make_shared<std::promise<std::size_t>>();
    mesh_->count_elsewhere(channel, [answer](std::size_t count) { answer->set_value(count); });
    auto counted = answer->get_future();
    if (counted.wait_for(patience) != std::future_status::ready) return std::nullopt;
    return counted.get();
  }

  /// What the others make of a request; nothing when there is no answer.
  std::optional<std::vector<std::string>> ask_elsewhere(std::string_view request) {
    auto answer = std::make_shared<std::promise<std::vector<std::string>>>();
    mesh_->ask_elsewhere(request, [answer](std::vector<std::string> replies) {
      answer->set_value(std::move(replies));
    });
    auto replies = answer->get_future();
    if (replies.wait_for(patience) != std::future_status::ready) return std::nullopt;
    return replies.get();
  }

  // Others may ask as soon as there is a mesh.
  std::atomic<std::size_t> subscribers = 1;  ///< To "room".
  std::atomic<bool> is_mute = false;
  std::vector<channels::SharedPublication> received;
  LoopThread thread;

 private:
  void deliver_here(std::string_view channel, channels::Message message) override {
    received.push_back(publication(channel, std::move(message)));
  }
  std::size_t count_here(std::string_view channel) const override {
    return channel == "room" ? subscribers.load() : 0;
  }
  void answer(std::string_view request, channels::Bus::Reply reply) override {
    if (!is_mute) reply("heard " + std::string(request));
  }

  std::unique_ptr<channels::ChildMesh> mesh_;
};

}  // namespace mod_ws::tests
