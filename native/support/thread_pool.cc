#include "support/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <system_error>
#include <thread>

#include "support/floating_mode.h"
#include "support/wait_awake.h"

namespace quipu {
namespace {

constexpr size_t kWidthMax = 1024;

size_t ChooseWidth() {
  if (const char* text = std::getenv("QUIPU_THREADS")) {
    const unsigned long asked = std::strtoul(text, nullptr, 10);
    if (asked >= 1 && asked <= kWidthMax) return asked;
  }
  return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kWidthMax);
}

}  // namespace

// Lives on the caller's stack. `inside` counts helpers that hold a pointer to it and changes under
// the pool's mutex; the caller leaves only when it is zero and the batch is out of the queue.
struct ThreadPool::Batch {
  Batch(size_t count, const void* work, Call call) : count(count), work(work), call(call) {}

  // The rest; the first is the caller's, so that of neighbouring batches the same thread gets it,
  // which still has in its caches what it left there.
  void Drain() {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) call(work, i);
  }

  const size_t count;
  const void* const work;
  const Call call;
  std::atomic<size_t> next{1};
  std::atomic<size_t> inside{0};
};

ThreadPool& ThreadPool::Shared() {
  static ThreadPool* const pool = new ThreadPool(ChooseWidth() - 1);
  return *pool;
}

ThreadPool::ThreadPool(size_t helpers) : helpers_(helpers) {
  for (size_t i = 0; i < helpers_; ++i) {
    try {
      std::thread([this] { Help(); }).detach();
    } catch (const std::system_error&) {
      break;  // fewer helpers only: the caller of ParallelFor does what nobody else takes
    }
  }
}

void ThreadPool::Run(size_t count, const void* work, Call call) {
  if (count == 0) return;
  Batch batch(count, work, call);
  if (count == 1 || helpers_ == 0) {
    call(work, 0);
    batch.Drain();
    return;
  }
  size_t asleep = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    batches_.push_back(&batch);
    open_.store(batches_.size(), std::memory_order_relaxed);
    asleep = asleep_;
  }
  if (count - 1 < asleep) {
    for (size_t i = 0; i + 1 < count; ++i) wake_.notify_one();
  } else if (asleep > 0) {
    wake_.notify_all();
  }
  call(work, 0);
  batch.Drain();
  std::unique_lock<std::mutex> lock(mutex_);
  Forget(&batch);
  if (batch.inside == 0) return;
  lock.unlock();
  WaitAwake(AwakeClock::now() + kAwake,
            [&batch] { return batch.inside.load(std::memory_order_relaxed) == 0; });
  lock.lock();
  left_.wait(lock, [&batch] { return batch.inside == 0; });
}

void ThreadPool::Help() {
  const CanonicalFloatingMode mode;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    // Others may have taken all that came by the time the lock is had.
    for (const auto until = AwakeClock::now() + kAwake;
         batches_.empty() && AwakeClock::now() < until;) {
      lock.unlock();
      WaitAwake(until, [this] { return open_.load(std::memory_order_relaxed) != 0; });
      lock.lock();
    }
    ++asleep_;
    wake_.wait(lock, [this] { return !batches_.empty(); });
    --asleep_;
    Batch* const batch = batches_.front();
    ++batch->inside;
    lock.unlock();
    batch->Drain();
    lock.lock();
    Forget(batch);
    if (--batch->inside == 0) left_.notify_all();
  }
}

void ThreadPool::Forget(const Batch* batch) {
  const auto found = std::find(batches_.begin(), batches_.end(), batch);
  if (found != batches_.end()) batches_.erase(found);
  open_.store(batches_.size(), std::memory_order_relaxed);
}

}  // namespace quipu
