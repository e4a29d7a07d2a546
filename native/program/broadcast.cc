#include "program/broadcast.h"

namespace quipu {
namespace {

// Stride of each axis of `out` in `tensor`, outermost first.
void StridesIn(const ProgramTensor& tensor, const ProgramTensor& out, int32_t skip,
               int64_t* strides) {
  int64_t stride = 1;
  for (int32_t from_end = skip; from_end < out.rank; ++from_end) {
    const int64_t size = from_end < tensor.rank ? tensor.shape[tensor.rank - 1 - from_end] : 1;
    strides[out.rank - 1 - from_end] = size == 1 ? 0 : stride;
    stride *= size;
  }
}

}  // namespace

BroadcastWalk WalkOf(const ProgramTensor& a, const ProgramTensor& b, const ProgramTensor& out,
                     int32_t skip) {
  int64_t a_strides[kRankMax] = {};
  int64_t b_strides[kRankMax] = {};
  StridesIn(a, out, skip, a_strides);
  StridesIn(b, out, skip, b_strides);
  BroadcastWalk walk;
  walk.rank = 0;
  for (int32_t axis = 0; axis < out.rank - skip; ++axis) {
    const int64_t size = out.shape[axis];
    if (size == 1) continue;
    const int32_t last = walk.rank - 1;
    if (last >= 0 && walk.a_stride[last] == a_strides[axis] * size &&
        walk.b_stride[last] == b_strides[axis] * size) {
      walk.shape[last] *= size;
    } else {
      ++walk.rank;
      walk.shape[walk.rank - 1] = size;
    }
    walk.a_stride[walk.rank - 1] = a_strides[axis];
    walk.b_stride[walk.rank - 1] = b_strides[axis];
  }
  if (walk.rank == 0) walk.rank = 1;  // one element; shape[0] is 1
  return walk;
}

}  // namespace quipu
