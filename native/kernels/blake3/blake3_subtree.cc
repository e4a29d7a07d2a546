#include "kernels/blake3/blake3_subtree.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "support/scratch_pool.h"
#include "support/thread_pool.h"

namespace quipu::blake3 {
namespace {

// Chunks of one thread's task. A task costs a few microseconds of its own, so small ones are not
// divided; large ones leave a thread nothing to do while another finishes, so they end at a
// mebibyte, where one read of a file has become as fast as it gets and its bytes still lie in the
// second cache.
constexpr size_t kTaskChunksMin = 64;
constexpr size_t kTaskChunksMax = 1024;
constexpr size_t kTasksMax = kSubtreeChunksMax / kTaskChunksMax;
// Below this nothing is divided: the threads would take as long to wake.
constexpr size_t kAloneChunksMax = 256;

size_t TaskChunks(size_t chunks) {
  if (chunks <= kAloneChunksMax) return chunks;
  const size_t shares = std::min(std::bit_ceil(8 * ThreadPool::Shared().width()), kTasksMax);
  return std::clamp(chunks / shares, kTaskChunksMin, kTaskChunksMax);
}

// Reduces `count` chaining values in place, level by level, to `keep`. count is a power of two.
void Reduce(const Kernels& kernels, const Subtree& subtree, uint8_t* cvs, size_t count,
            size_t keep) {
  for (; count > keep; count /= 2) {
    kernels.parents(cvs, count / 2, subtree.key, subtree.flags, cvs);
  }
}

// The `keep` highest chaining values of `count` chunks whose bytes are at hand.
void HashTask(const Kernels& kernels, const Subtree& subtree, const uint8_t* bytes, size_t first,
              size_t count, size_t keep, uint8_t* out) {
  alignas(64) uint8_t cvs[kTaskChunksMax * kCvBytes];
  kernels.chunks(bytes, count, subtree.key, subtree.counter + first, subtree.flags, cvs);
  Reduce(kernels, subtree, cvs, count, keep);
  std::memcpy(out, cvs, keep * kCvBytes);
}

}  // namespace

Status SubtreePair(const Kernels& kernels, const Subtree& subtree, uint8_t pair[2 * kCvBytes]) {
  const size_t task_chunks = TaskChunks(subtree.chunks);
  const size_t tasks = subtree.chunks / task_chunks;
  std::optional<ScratchPool> scratch;  // of files: memory lies where it is read
  if (subtree.source.needs_scratch()) scratch.emplace(task_chunks * kChunkBytes);
  alignas(64) uint8_t tops[kTasksMax * kCvBytes];
  const size_t keep = tasks == 1 ? 2 : 1;
  std::atomic<bool> out_of_memory{false}, unread{false};
  const auto work = [&](size_t task) {
    if (unread.load(std::memory_order_relaxed)) return;
    AlignedArray<uint8_t> buffer;
    if (scratch && (buffer = scratch->Take()) == nullptr) {
      out_of_memory = true;
      return;
    }
    const size_t first = task * task_chunks;
    const uint8_t* const bytes = subtree.source.Read(subtree.offset + first * kChunkBytes,
                                                     task_chunks * kChunkBytes, buffer.get());
    if (bytes == nullptr) {
      unread = true;
    } else {
      HashTask(kernels, subtree, bytes, first, task_chunks, keep, tops + task * kCvBytes);
    }
    if (scratch) scratch->Give(std::move(buffer));
  };
  ThreadPool::Shared().ParallelFor(tasks, work);
  if (unread) return Unread();
  if (out_of_memory) return OutOfMemory();
  Reduce(kernels, subtree, tops, tasks * keep, 2);
  std::memcpy(pair, tops, 2 * kCvBytes);
  return Status{};
}

}  // namespace quipu::blake3
