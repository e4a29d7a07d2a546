// What the threads of this machine can do.
#include "bench/contest.h"
#include "support/thread_pool.h"

namespace quipu::bench {

void OnThreads(int threads, const std::function<void(int)>& body) {
  if (threads == 1) return body(0);
  ThreadPool::Shared().ParallelFor(static_cast<size_t>(threads),
                                   [&](size_t thread) { body(static_cast<int>(thread)); });
}

double MultiplyAdds(int threads, bool wide) {
  constexpr int64_t kSteps = 200000;
  double work = 0;
  const double seconds = SecondsOf(
      [&] {
        OnThreads(threads, [&](int) {
          const double done = wide ? MultiplyAddsAvx512(kSteps) : MultiplyAddsAvx2(kSteps);
          work = done;
        });
      },
      threads);
  return work * threads / seconds;
}

double Reads(int threads) {
  constexpr int64_t kCount = int64_t{16} << 20;  // 64 MiB a thread
  static const AlignedArray<float> from = Random(kCount * 2, 7);
  const double seconds = SecondsOf(
      [&] { OnThreads(threads, [&](int t) { ReadAvx2(from.get() + t % 2 * kCount, kCount); }); },
      threads);
  return 4.0 * kCount * threads / seconds;
}

double Copies(int threads) {
  constexpr int64_t kCount = int64_t{8} << 20;
  static const AlignedArray<float> from = Random(kCount * 2, 8);
  static const AlignedArray<float> to = Random(kCount * 2, 9);
  const double seconds = SecondsOf(
      [&] {
        OnThreads(threads, [&](int t) {
          CopyAvx2(from.get() + t % 2 * kCount, to.get() + t % 2 * kCount, kCount);
        });
      },
      threads);
  return 8.0 * kCount * threads / seconds;
}

}  // namespace quipu::bench
