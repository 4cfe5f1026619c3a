#include "mod_ws/handler/offload_pool.h"

#include <system_error>
#include <thread>
#include <utility>

namespace mod_ws::handler {

OffloadPool::OffloadPool() : state_(std::make_shared<State>()) {}

std::shared_ptr<void> OffloadPool::run(std::function<void()> work, engine::EventLoop& loop,
                                       std::function<void()> done) {
  const auto job = std::make_shared<Job>(Job{std::move(work), &loop, std::move(done), state_});
  std::shared_ptr<void> wanted(job.get(), [job](void*) { withdraw(*job); });
  const std::lock_guard lock(state_->mutex);
  if (state_->idle <= state_->waiting.size()) start_thread();
  job->place = state_->waiting.insert(state_->waiting.end(), job);
  job->waits = true;
  state_->has_job.notify_one();
  return wanted;
}

void OffloadPool::withdraw(Job& job) {
  const std::lock_guard lock(job.state->mutex);
  if (std::exchange(job.waits, false)) job.state->waiting.erase(job.place);
}

void OffloadPool::start_thread() {
  if (state_->threads == max_threads) return;
  try {
    std::thread(serve, state_).detach();
    ++state_->threads;
  } catch (const std::system_error&) {
    if (state_->threads == 0) throw;
  }
}

void OffloadPool::serve(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    ++state->idle;
    state->has_job.wait(lock, [&] { return !state->is_held && !state->waiting.empty(); });
    --state->idle;
    const auto job = state->waiting.front();
    state->under_way.splice(state->under_way.end(), state->waiting, job->place);
    job->waits = false;
    lock.unlock();
    job->work();
    job->work = nullptr;
    lock.lock();
    // Not before: who forks meanwhile has to find it undone, or nothing of it.
    job->loop->post(std::move(job->done));
    state->under_way.erase(job->place);
    if (state->under_way.empty()) state->has_rested.notify_all();
  }
}

// ---- forking

std::unique_lock<std::mutex> OffloadPool::hold(std::chrono::milliseconds patience) {
  std::unique_lock lock(state_->mutex);
  state_->is_held = true;
  state_->has_rested.wait_for(lock, patience, [this] { return state_->under_way.empty(); });
  return lock;
}

void OffloadPool::go_on() {
  const std::lock_guard lock(state_->mutex);
  state_->is_held = false;
  state_->has_job.notify_all();
}

void OffloadPool::take_over() {
  // The old state is left as it is: its condition variables count threads that are not here.
  const auto* const left = new std::shared_ptr<State>(std::move(state_));
  state_ = std::make_shared<State>();
  for (const auto& job : (*left)->under_way) job->loop->post(std::move(job->done));
  state_->waiting = std::move((*left)->waiting);
  for (const auto& job : state_->waiting) job->state = state_;
  for (std::size_t i = 0; i < state_->waiting.size(); ++i) start_thread();
}

}  // namespace mod_ws::handler
