// Updates of elements and slices that indices name: ONNX ScatterElements and ScatterND.
//
// Frozen (docs/arithmetic.md, "Indexing and layout"): updates are applied one after another in the
// row-major order of the indices, so where several meet in one element the order of additions is
// fixed, and of several that set it the last one stays. Integers wrap. Maximum and minimum are
// those of kernels/math/basic.h.
//
// `to` already holds what is updated. A scatter is not divided. It returns false with the first bad
// index; what comes before that has been applied.
#ifndef QUIPU_KERNELS_SCATTER_SCATTER_H_
#define QUIPU_KERNELS_SCATTER_SCATTER_H_

#include <stdint.h>

#include "kernels/gather/index.h"

namespace quipu {

// Numbers are frozen: they stand in flat programs.
enum class ScatterFunction : int32_t {
  kSet = 0,
  kAdd = 1,
  kMultiply = 2,
  kMaximum = 3,
  kMinimum = 4,
};

// Setting works on every type, the others on f32, i64 and i32. Only such jobs may be run.
bool ScatterIsKnown(ScatterFunction function, DType dtype);

// to[i, indices[i, j, k], k] ∘= updates[i, j, k], here with axis 1 of 3.
struct ScatterElements : ElementShapes {
  void* to;
  IndexList indices;
  const void* updates;  // of the shape of the indices
  DType dtype;
  ScatterFunction function;
};

// to[tuple t] ∘= updates[t], slices of `inner` elements.
struct ScatterNd {
  void* to;  // [dims..., inner]
  TupleList list;
  const void* updates;  // [tuples, inner]
  DType dtype;
  ScatterFunction function;
  int64_t tuples;
  int64_t inner;
};

bool Scatter(const ScatterElements& job, BadIndex* bad);
bool Scatter(const ScatterNd& job, BadIndex* bad);

}  // namespace quipu

#endif  // QUIPU_KERNELS_SCATTER_SCATTER_H_
