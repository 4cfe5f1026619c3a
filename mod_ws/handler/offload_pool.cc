#include "mod_ws/handler/offload_pool.h"

#include <system_error>
#include <thread>
#include <utility>

namespace mod_ws::handler {

OffloadPool::OffloadPool() : state_(std::make_shared<State>()) {}

void OffloadPool::run(std::function<void()> work, engine::EventLoop& loop,
                      std::function<void()> done) {
  const std::lock_guard lock(state_->mutex);
  if (state_->idle <= state_->jobs.size() && state_->threads < max_threads) {
    try {
      std::thread(serve, state_).detach();
      ++state_->threads;
    } catch (const std::system_error&) {
      if (state_->threads == 0) throw;
    }
  }
  state_->jobs.push_back({std::move(work), &loop, std::move(done)});
  state_->has_job.notify_one();
}

void OffloadPool::serve(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    ++state->idle;
    state->has_job.wait(lock, [&] { return !state->jobs.empty(); });
    --state->idle;
    Job job = std::move(state->jobs.front());
    state->jobs.pop_front();
    lock.unlock();
    job.work();
    job.work = nullptr;
    job.loop->post(std::move(job.done));
    lock.lock();
  }
}

}  // namespace mod_ws::handler
