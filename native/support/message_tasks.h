// How many messages one thread takes at a time: a few hundred, or fewer where they are long, but
// never so few that lanes stay empty while there are messages for them.
#ifndef QUIPU_SUPPORT_MESSAGE_TASKS_H_
#define QUIPU_SUPPORT_MESSAGE_TASKS_H_

#include <algorithm>

#include "quipu/messages.h"
#include "support/thread_pool.h"

namespace quipu {

// What the shortest message costs: a block.
constexpr uint64_t kMessageCostBytes = 64;

constexpr size_t kTaskMessagesMax = 256;
constexpr size_t kTaskMessagesMin = 16;

// Calls work(first, count) over all threads until every one of the `count` messages from `first` on
// has been in one call.
template <class Work>
void ForMessages(const Messages& messages, size_t first, size_t count, const Work& work) {
  if (count == 0) return;
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
  ThreadPool::Shared().ParallelFor((count + share - 1) / share, [&](size_t task) {
    const size_t at = task * share;
    work(first + at, std::min(share, count - at));
  });
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_MESSAGE_TASKS_H_
