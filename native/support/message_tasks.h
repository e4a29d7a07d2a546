// How many messages one thread takes at a time: a few hundred, so that lanes are full, or fewer
// where they are long.
#ifndef QUIPU_SUPPORT_MESSAGE_TASKS_H_
#define QUIPU_SUPPORT_MESSAGE_TASKS_H_

#include <algorithm>

#include "quipu/messages.h"
#include "support/thread_pool.h"

namespace quipu {

constexpr size_t kTaskMessagesMax = 256;

// Calls work(first, count) over all threads until every one of the `count` messages from `first` on
// has been in one call.
template <class Work>
void ForMessages(const Messages& messages, size_t first, size_t count, const Work& work) {
  constexpr size_t kTaskBytes = 256 * 1024;
  const uint64_t bytes = std::max<uint64_t>(messages.Bytes(first, count), 1);
  const size_t fitting = static_cast<size_t>(uint64_t{count} * kTaskBytes / bytes);
  const size_t share = std::clamp<size_t>(fitting, 1, kTaskMessagesMax);
  ThreadPool::Shared().ParallelFor((count + share - 1) / share, [&](size_t task) {
    const size_t at = task * share;
    work(first + at, std::min(share, count - at));
  });
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_MESSAGE_TASKS_H_
