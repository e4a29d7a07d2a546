// What the vector backends share: a short sorted list of the greatest keys so far. Lanes are
// compared with the list's last key, and only those that beat it are looked at one by one; a later
// element that equals the last one has a higher index and loses, so a strict comparison is exact.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_TOPK_TOPK_LIST_H_
#define QUIPU_KERNELS_TOPK_TOPK_LIST_H_

#include "kernels/topk/topk.h"

namespace quipu {
namespace {

// Above this many a partial sort is faster than insertion.
constexpr int64_t kListMax = 64;

static inline void Insert(uint64_t* list, int64_t held, uint64_t key) {
  int64_t at = held;
  for (; at > 0 && list[at - 1] < key; --at) list[at] = list[at - 1];
  list[at] = key;
}

// Fills the list from the row's first k elements, so that it has a last key to compare with.
static inline void StartList(const TopK& job, const float* from, uint64_t* list) {
  for (int64_t i = 0; i < job.k; ++i) {
    Insert(list, i, TopKKey(BitsOfF32(from[i]), i, job.largest));
  }
}

static inline void Offer(const TopK& job, const float* from, int64_t i, uint64_t* list) {
  const uint64_t key = TopKKey(BitsOfF32(from[i]), i, job.largest);
  if (key > list[job.k - 1]) Insert(list, job.k - 1, key);
}

static inline void WriteList(const TopK& job, int64_t row, const float* from,
                             const uint64_t* list) {
  for (int64_t rank = 0; rank < job.k; ++rank) {
    const int64_t index = TopKIndex(list[rank]);
    job.values[row * job.k + rank] = from[index];
    job.indices[row * job.k + rank] = index;
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_TOPK_TOPK_LIST_H_
