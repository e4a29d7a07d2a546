// pool  x → y(, indices) | function, planes, window, pad at the end[3], count padding
//
// Function: 1 greatest, 2 mean, 3 greatest with indices row-major, 4 the same column-major.
#ifndef QUIPU_PROGRAM_OPERATORS_POOL_H_
#define QUIPU_PROGRAM_OPERATORS_POOL_H_

#include "kernels/pool/pool.h"
#include "program/operators/window.h"

namespace quipu {

struct PoolWords {
  int64_t function, planes;
  WindowWords window;
  int64_t pad_end[3];
  bool count_padding;

  explicit PoolWords(Words* words)
      : function(words->Between(1, 4)), planes(words->Size()), window(words) {
    for (int64_t& size : pad_end) size = words->Between(0, WindowWords::kStepMax);
    count_padding = words->Flag();
  }

  bool is_mean() const { return function == 2; }
  bool has_indices() const { return function > 2; }

  MaxPool Greatest(const float* x, float* y, int64_t* indices) const {
    MaxPool job = {x, y, indices, {}, function == 4, 0, planes};
    window.Fill(&job.window);
    return job;
  }
  AveragePool Mean(const float* x, float* y) const {
    AveragePool job = {x, y, {}, count_padding, {pad_end[0], pad_end[1], pad_end[2]}, 0, planes};
    window.Fill(&job.window);
    return job;
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_POOL_H_
