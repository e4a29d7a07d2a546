// How many messages one thread takes at a time: a few hundred; fewer where they are long, or where
// else a thread would have none.
#ifndef QUIPU_SUPPORT_MESSAGE_TASKS_H_
#define QUIPU_SUPPORT_MESSAGE_TASKS_H_

#include <algorithm>
#include <atomic>

#include "quipu/go_on.h"
#include "quipu/messages.h"
#include "support/thread_pool.h"

namespace quipu {

// What the shortest message costs: a block.
constexpr uint64_t kMessageCostBytes = 64;

constexpr size_t kTaskMessagesMax = 256;
constexpr size_t kTaskMessagesMin = 16;

// A message longer than this is hashed by itself and asks on its way: stopped, a task of shorter
// ones ends within a tenth of a second.
constexpr uint64_t kLongBytes = uint64_t{16} << 20;

// Calls work(first, count) over all threads until every one of the `count` messages from `first` on
// has been in one call, and `go_on` after each.
template <class Work>
Status ForMessages(const Messages& messages, size_t first, size_t count, const GoOn& go_on,
                   const Work& work) {
  if (count == 0) return Status{};
  // Below the first nothing is divided: threads take as long to wake.
  constexpr uint64_t kAloneBytes = 128 * 1024, kTaskBytes = 256 * 1024;
  const uint64_t bytes = messages.Bytes(first, count) + uint64_t{count} * kMessageCostBytes;
  size_t share = count;
  if (bytes > kAloneBytes) {
    const size_t width = ThreadPool::Shared().width();
    share = std::clamp<size_t>(uint64_t{count} * kTaskBytes / bytes, kTaskMessagesMin,
                               kTaskMessagesMax);
    share = std::min(share, (count + width - 1) / width);
  }
  std::atomic<bool> stopped{false};
  ThreadPool::Shared().ParallelFor((count + share - 1) / share, [&](size_t task) {
    if (stopped.load(std::memory_order_relaxed)) return;
    const size_t at = task * share, some = std::min(share, count - at);
    work(first + at, some);
    if (!go_on(messages.Bytes(first + at, some))) stopped = true;
  });
  return stopped ? Stopped() : Status{};
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_MESSAGE_TASKS_H_
