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
  ElementShapes shapes;

  explicit ScatterElementsWords(Words* words)
      : function(static_cast<ScatterFunction>(words->Between(0, 4))), shapes(words) {}

  ScatterElements Job(const IndexOperands& at, const void* updates, DType dtype) const {
    ScatterElements job = {};
    job.to = at.to;
    job.indices = at.indices;
    job.updates = updates;
    job.dtype = dtype;
    job.function = function;
    job.rank = static_cast<int32_t>(shapes.rank);
    job.axis = static_cast<int32_t>(shapes.axis);
    std::copy_n(shapes.data, shapes.rank, job.to_shape);
    std::copy_n(shapes.index, shapes.rank, job.index_shape);
    return job;
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
