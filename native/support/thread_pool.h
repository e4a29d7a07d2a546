// The addon's own threads for work that divides. One pool a process, never destroyed: its threads
// may still wait when the process exits, and an object with a destructor would race them.
//
// Waking a thread takes longer than many an operator of a model, and the next comes soon after the
// last: a thread that has nothing to do stays awake for some microseconds before it sleeps.
#ifndef QUIPU_SUPPORT_THREAD_POOL_H_
#define QUIPU_SUPPORT_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace quipu {

class ThreadPool {
 public:
  // One thread a usable core less the caller; QUIPU_THREADS (1 to 1024) overrides the total.
  static ThreadPool& Shared();

  // Threads that take part in a call of ParallelFor, its caller included.
  size_t width() const { return helpers_ + 1; }

  // Runs work(0), on the calling thread, ... work(count - 1), each once and in any order, and
  // returns when all are done. The caller takes part, so nested and concurrent calls cannot
  // deadlock. `work` must not throw.
  template <class Work>
  void ParallelFor(size_t count, const Work& work) {
    Run(count, &work, [](const void* erased, size_t index) noexcept {
      (*static_cast<const Work*>(erased))(index);
    });
  }

 private:
  using Call = void (*)(const void* work, size_t index) noexcept;
  struct Batch;

  explicit ThreadPool(size_t helpers);
  void Run(size_t count, const void* work, Call call);
  void Help();
  void Forget(const Batch* batch);

  const size_t helpers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;
  std::deque<Batch*> batches_;
  std::atomic<size_t> open_{0};  // what batches_ holds, to be looked at without the mutex
  size_t asleep_ = 0;            // helpers that have to be woken
};

}  // namespace quipu

#endif  // QUIPU_SUPPORT_THREAD_POOL_H_
