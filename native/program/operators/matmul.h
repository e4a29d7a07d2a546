// matmul  a, b → c | m, n, k, rank, shape[rank], a_stride[rank], b_stride[rank]
//
// The leading axes of c in `shape`; strides count whole matrices, 0 where an operand repeats.
#ifndef QUIPU_PROGRAM_OPERATORS_MATMUL_H_
#define QUIPU_PROGRAM_OPERATORS_MATMUL_H_

#include "program/words.h"

namespace quipu {

struct MatmulWords {
  int64_t m, n, k, rank;
  int64_t shape[kRankMax], a_stride[kRankMax], b_stride[kRankMax];

  explicit MatmulWords(Words* words)
      : m(words->Size()), n(words->Size()), k(words->Size()), rank(words->Between(0, kRankMax)) {
    words->Sizes(shape, rank);
    words->Sizes(a_stride, rank);
    words->Sizes(b_stride, rank);
  }

  // Which matrices of a and b make matrix `index` of c.
  void Locate(int64_t index, int64_t* a, int64_t* b) const {
    *a = 0;
    *b = 0;
    for (int64_t axis = rank - 1; axis >= 0; --axis) {
      *a += index % shape[axis] * a_stride[axis];
      *b += index % shape[axis] * b_stride[axis];
      index /= shape[axis];
    }
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_MATMUL_H_
