#include "support/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <system_error>
#include <thread>

#include "support/floating_mode.h"

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

// Lives on the caller's stack. `inside` counts helpers that hold a pointer to it, under the pool's
// mutex; the caller leaves only when it is zero and the batch is out of the queue.
struct ThreadPool::Batch {
  Batch(size_t count, const void* work, Call call) : count(count), work(work), call(call) {}

  void Drain() {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) call(work, i);
  }

  const size_t count;
  const void* const work;
  const Call call;
  std::atomic<size_t> next{0};
  size_t inside = 0;
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
  Batch batch(count, work, call);
  if (count < 2 || helpers_ == 0) {
    batch.Drain();
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    batches_.push_back(&batch);
  }
  if (count - 1 < helpers_) {
    for (size_t i = 0; i + 1 < count; ++i) wake_.notify_one();
  } else {
    wake_.notify_all();
  }
  batch.Drain();
  std::unique_lock<std::mutex> lock(mutex_);
  Forget(&batch);
  left_.wait(lock, [&batch] { return batch.inside == 0; });
}

void ThreadPool::Help() {
  const CanonicalFloatingMode mode;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return !batches_.empty(); });
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
}

}  // namespace quipu
