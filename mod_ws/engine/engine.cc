#include "mod_ws/engine/engine.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>

namespace mod_ws::engine {
namespace {

/// Threads inherit the mask: signals are for the process's own threads, and a loop is never
/// interrupted.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &saved_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }

 private:
  sigset_t saved_;
};

}  // namespace

Engine::Engine(unsigned thread_count, const LoopOptions& options) {
  for (unsigned i = 0; i < std::max(thread_count, 1U); ++i)
    loops_.push_back(std::make_unique<EventLoop>(options));
  start_threads();
}

void Engine::start_threads() {
  const BlockedSignals blocked;
  try {
    for (auto& loop : loops_) threads_.emplace_back(&EventLoop::run, loop.get());
    if (guest_limit_.count() > 0) watchdog_ = std::make_unique<Watchdog>(loops(), guest_limit_);
  } catch (...) {
    pause();
    throw;
  }
}

void Engine::join_threads() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  watchdog_.reset();
}

Engine::~Engine() { stop(std::chrono::milliseconds(0)); }

EventLoop& Engine::least_loaded() {
  return **std::min_element(loops_.begin(), loops_.end(), [](const auto& a, const auto& b) {
    return a->resident_count() < b->resident_count();
  });
}

std::vector<EventLoop*> Engine::loops() const {
  std::vector<EventLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  return loops;
}

std::size_t Engine::resident_count() const {
  std::size_t count = 0;
  for (const auto& loop : loops_) count += loop->resident_count();
  return count;
}

void Engine::watch_guests(std::chrono::milliseconds limit) {
  const std::lock_guard lock(watchdog_mutex_);
  if (watchdog_) return;
  const BlockedSignals blocked;
  guest_limit_ = limit;
  watchdog_ = std::make_unique<Watchdog>(loops(), limit);
}

void Engine::pause() {
  // Those without a thread would find it when they get one.
  for (std::size_t i = 0; i < threads_.size(); ++i) loops_[i]->post_pause();
  join_threads();
}

void Engine::resume() {
  if (threads_.empty()) start_threads();
}

std::vector<std::unique_lock<std::mutex>> Engine::hold_mail() {
  std::vector<std::unique_lock<std::mutex>> held;
  for (auto& loop : loops_) held.push_back(loop->hold_mail());
  return held;
}

void Engine::drain(const DrainPlan& plan) {
  for (auto& loop : loops_) loop->post_drain(plan);
}

void Engine::stop(std::chrono::milliseconds grace) {
  if (threads_.empty()) return;
  for (auto& loop : loops_) loop->post_stop(grace);
  join_threads();
}

}  // namespace mod_ws::engine
