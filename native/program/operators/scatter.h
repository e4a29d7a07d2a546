// scatter elements data, indices, updates → y | function, axis, rank, data shape[rank],
//                                               index shape[rank]
// scatter nd       data, indices, updates → y | function, tuples, depth, inner, dims[depth]
#ifndef QUIPU_PROGRAM_OPERATORS_SCATTER_H_
#define QUIPU_PROGRAM_OPERATORS_SCATTER_H_

#include "kernels/scatter/scatter.h"
#include "program/operators/indices.h"

namespace quipu {

struct ScatterElementsWords {
  ScatterFunction function;
  ElementShapeWords shapes;

  explicit ScatterElementsWords(Words* words)
      : function(static_cast<ScatterFunction>(words->Between(0, 4))), shapes(words) {}

  ScatterElements Job(const IndexOperands& at, const void* updates, DType dtype) const {
    return ScatterElements{shapes, at.to, at.indices, updates, dtype, function};
  }
};

struct ScatterNdWords {
  ScatterFunction function;
  int64_t tuples, depth, inner;
  int64_t dims[kRankMax];

  explicit ScatterNdWords(Words* words)
      : function(static_cast<ScatterFunction>(words->Between(0, 4))),
        tuples(words->Size()),
        depth(words->Between(0, kRankMax)),
        inner(words->Size()) {
    words->Sizes(dims, depth);
  }

  ScatterNd Job(const IndexOperands& at, const void* updates, DType dtype) const {
    return ScatterNd{at.to, at.Tuples(depth, dims), updates, dtype, function, tuples, inner};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_SCATTER_H_
