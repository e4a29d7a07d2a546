// pool  x → y(, indices) | function, planes, window, count padding
//
// Function: 1 greatest, 2 mean, 3 greatest with indices row-major, 4 the same column-major. With
// `count padding` 1 every tap of a window counts, wherever it lies.
#ifndef QUIPU_PROGRAM_OPERATORS_POOL_H_
#define QUIPU_PROGRAM_OPERATORS_POOL_H_

#include "kernels/pool/pool.h"
#include "program/operators/window.h"

namespace quipu {

struct PoolWords {
  int64_t function, planes;
  WindowWords window;
  bool count_padding;

  explicit PoolWords(Words* words)
      : function(words->Between(1, 4)),
        planes(words->Size()),
        window(words),
        count_padding(words->Flag()) {}

  bool is_mean() const { return function == 2; }
  bool has_indices() const { return function > 2; }

  MaxPool Greatest(const float* x, float* y, int64_t* indices) const {
    return MaxPool{window, x, y, indices, function == 4, 0, planes};
  }
  AveragePool Mean(const float* x, float* y) const {
    constexpr int64_t kAll = WindowWords::kPositionsMax;
    return AveragePool{window, x, y, count_padding, {kAll, kAll, kAll}, 0, planes};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_POOL_H_
