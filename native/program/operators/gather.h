// gather          data, indices → y | outer, axis, inner, count
// gather elements data, indices → y | axis, rank, data shape[rank], index shape[rank]
// gather nd       data, indices → y | batch, tuples, depth, inner, dims[depth]
//
// Indices are int64 or int32. y: [outer, count, inner]; of the index shape; [batch, tuples, inner].
#ifndef QUIPU_PROGRAM_OPERATORS_GATHER_H_
#define QUIPU_PROGRAM_OPERATORS_GATHER_H_

#include "kernels/gather/gather.h"
#include "program/operators/indices.h"

namespace quipu {

struct GatherWords {
  int64_t outer, axis, inner, count;

  explicit GatherWords(Words* words)
      : outer(words->Size()), axis(words->Size()), inner(words->Size()), count(words->Size()) {}

  GatherAxis Job(const IndexOperands& at) const {
    return GatherAxis{at.data, at.indices, at.to, at.element_bytes, outer, axis, inner, count};
  }
};

struct GatherElementsWords {
  ElementShapeWords shapes;

  explicit GatherElementsWords(Words* words) : shapes(words) {}

  GatherElements Job(const IndexOperands& at) const {
    return GatherElements{shapes, at.data, at.indices, at.to, at.element_bytes};
  }
};

struct GatherNdWords {
  int64_t batch, tuples, depth, inner;
  int64_t dims[kRankMax];

  explicit GatherNdWords(Words* words)
      : batch(words->Size()),
        tuples(words->Size()),
        depth(words->Between(0, kRankMax)),
        inner(words->Size()) {
    words->Sizes(dims, depth);
  }

  GatherNd Job(const IndexOperands& at) const {
    return GatherNd{at.data, at.Tuples(depth, dims), at.to, at.element_bytes, batch, tuples, inner};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_GATHER_H_
