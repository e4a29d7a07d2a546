// How a device tells of a bad index: nothing stops, nothing is read outside of memory, and the
// caller looks afterwards. Include only from .cu files.
#ifndef QUIPU_KERNELS_GATHER_INDEX_CUDA_H_
#define QUIPU_KERNELS_GATHER_INDEX_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/gather/index.h"

namespace quipu {

// `*bad` is this launch's own, with position -1 before it. The one at the least position stays:
// describe(position) gives the whole of it. Whoever lowers the position writes the rest, and again
// if it was lowered meanwhile; so the last to write has seen the final position.
template <class Describe>
static __device__ inline void TellBadIndex(BadIndex* bad, int64_t position,
                                           const Describe& describe) {
  auto* const least = reinterpret_cast<unsigned long long*>(&bad->position);
  const auto mine = static_cast<unsigned long long>(position);
  if (atomicMin(least, mine) <= mine) return;
  volatile BadIndex* const told = bad;
  for (;;) {
    const int64_t seen = told->position;
    const BadIndex described = describe(seen);
    told->index = described.index;
    told->size = described.size;
    __threadfence();
    if (told->position == seen) return;
  }
}

// PlaceAt of a device's thread. Threads that would tell the same keep `silent`.
static __device__ inline int64_t PlaceAtOrTell(const IndexList& indices, int64_t position,
                                               int64_t size, bool silent, BadIndex* bad) {
  const int64_t place = PlaceOf(indices.At(position), size);
  if (place < 0 && !silent) {
    TellBadIndex(bad, position, [&](int64_t at) { return BadIndex{at, indices.At(at), size}; });
  }
  return place;
}

// SliceAt of a device's thread.
static __device__ inline int64_t SliceAtOrTell(const TupleList& list, int64_t tuple, bool silent,
                                               BadIndex* bad) {
  int32_t d = 0;
  const int64_t slice = SliceOf(list, tuple, &d);
  if (slice < 0 && !silent) {
    TellBadIndex(bad, tuple * list.depth + d, [&](int64_t at) {
      return BadIndex{at, list.indices.At(at), list.dims[at % list.depth]};
    });
  }
  return slice;
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_GATHER_INDEX_CUDA_H_
