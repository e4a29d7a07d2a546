// Moves elements from one strided view to another: transpose, slice, flip, concat, pad, expand,
// tile. Nothing is computed, so every backend gives the same bits by itself, and there is one
// implementation for all processors: what it does is bound by memory.
#ifndef QUIPU_KERNELS_COPY_COPY_H_
#define QUIPU_KERNELS_COPY_COPY_H_

#include <stdint.h>

#include "quipu/views.h"

namespace quipu {

// to[i · to_stride] = from[i · from_stride] for every index i below `shape`. The pointers stand at
// element (0, 0, …); strides count elements and may be negative. The two views share no byte.
struct Copy {
  const void* from;
  void* to;
  int32_t element_bytes;  // 1, 2, 4, 8; 16 only where a launch has joined smaller ones
  int32_t rank;           // 0 … kRankMax
  int64_t shape[kRankMax];
  int64_t from_stride[kRankMax];  // 0 repeats
  int64_t to_stride[kRankMax];    // no two indices meet
};

// How many elements that is.
int64_t CopyCount(const Copy& job);

// The same copy in as few axes as can be, at least one: axes of size 1 are dropped, neighbours that
// lie one behind the other in both views become one. The row-major number of each element stays
// what it was; without elements the one axis has size 0.
Copy MergedCopy(const Copy& job);

// Of the elements in row-major order of `shape`, those from `begin` to before `end`.
void CopyElements(const Copy& job, int64_t begin, int64_t end);

// Writes the low `element_bytes` bytes of `bits` `count` times.
void FillElements(void* to, int32_t element_bytes, uint64_t bits, int64_t count);

}  // namespace quipu

#endif  // QUIPU_KERNELS_COPY_COPY_H_
