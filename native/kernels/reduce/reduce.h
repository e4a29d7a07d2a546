// Sums, products, extremes and the places of extremes along one axis of a tensor.
//
// Frozen (docs/arithmetic.md, "Reductions"): the order of a binary32 sum or product; any NaN makes
// a maximum or minimum NaN, and there -0 < +0; the place of an extreme goes by the order of top-k.
//
// A call computes on the calling thread only. A caller splits work by passing parts of the outer
// and inner ranges, which share no result, or parts of the length, whose results JoinReduced joins.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_H_

#include <stdint.h>

#include "quipu/views.h"

namespace quipu {

// Numbers are frozen: they stand in flat programs. The first five are for f32, i64 and i32 and give
// the same type; the places are i64, of f32 only, and of at least one and at most kPlaceLengthMax
// elements.
enum class ReduceFunction : int32_t {
  kSum = 1,
  kProduct = 2,
  kMaximum = 3,
  kMinimum = 4,
  kSumOfSquares = 5,
  kMaximumFirst = 11,
  kMaximumLast = 12,
  kMinimumFirst = 13,
  kMinimumLast = 14,
};

constexpr int64_t kPlaceLengthMax = 0xffffffff;

// Element (o, j, i) is from[(o · length + j) · inner_stride + i], result (o, i) is
// to[o · inner_stride + i]; o < outer, j < length, i < inner ≤ inner_stride.
struct Reduce {
  const void* from;
  void* to;
  int64_t outer;
  int64_t length;
  int64_t inner;
  int64_t inner_stride;
};

// `dtype` is that of the elements. False, and nothing written, when the function has no such type.
using ReduceRun = bool (*)(const Reduce& job, ReduceFunction function, DType dtype);

bool ReducePortable(const Reduce& job, ReduceFunction function, DType dtype);
bool ReduceAvx2(const Reduce& job, ReduceFunction function, DType dtype);
bool ReduceAvx512(const Reduce& job, ReduceFunction function, DType dtype);

// Joins the results of parts of the length into the bits of one call for it all: here `length` is
// the number of parts, each but the last of kReduceBlock · 2^p elements with the same p. No places.
bool JoinReduced(const Reduce& job, ReduceFunction function, DType dtype);

}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_H_
