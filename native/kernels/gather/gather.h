// Elements and slices that indices name: ONNX Gather, GatherElements, GatherND. Bits are moved and
// nothing is computed, so one implementation serves all processors.
//
// Each function computes a part of the output, so that a caller can divide it, and returns false
// with the first bad index of its part; then the part is unfinished. Of all parts the bad index at
// the least position is the first of the whole. Where slices are empty no index is looked at.
#ifndef QUIPU_KERNELS_GATHER_GATHER_H_
#define QUIPU_KERNELS_GATHER_GATHER_H_

#include <stdint.h>

#include "kernels/gather/index.h"

namespace quipu {

// to[o, j] = data[o, indices[j]], slices of `inner` elements.
struct GatherAxis {
  const void* data;   // [outer, axis, inner]
  IndexList indices;  // [count]
  void* to;           // [outer, count, inner]
  int32_t element_bytes;
  int64_t outer;
  int64_t axis;
  int64_t inner;
  int64_t count;
};

// to[i, j, k] = data[i, indices[i, j, k], k], here with axis 1 of 3.
struct GatherElements : ElementShapes {
  const void* data;
  IndexList indices;
  void* to;  // of the shape of the indices
  int32_t element_bytes;
};

// to[b, t] = data[b, tuple t of b], slices of `inner` elements.
struct GatherNd {
  const void* data;  // [batch, dims..., inner]
  TupleList list;    // of batch × tuples
  void* to;          // [batch, tuples, inner]
  int32_t element_bytes;
  int64_t batch;
  int64_t tuples;
  int64_t inner;
};

// Slices [begin, end) of outer × count.
bool Gather(const GatherAxis& job, int64_t begin, int64_t end, BadIndex* bad);
// Elements [begin, end) of the output.
bool Gather(const GatherElements& job, int64_t begin, int64_t end, BadIndex* bad);
// Slices [begin, end) of batch × tuples.
bool Gather(const GatherNd& job, int64_t begin, int64_t end, BadIndex* bad);

}  // namespace quipu

#endif  // QUIPU_KERNELS_GATHER_GATHER_H_
