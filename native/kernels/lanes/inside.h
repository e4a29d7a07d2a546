// Which of some elements at equal distances lie inside a row: taps of a window, lanes of a vector.
#ifndef QUIPU_KERNELS_LANES_INSIDE_H_
#define QUIPU_KERNELS_LANES_INSIDE_H_

#include <stdint.h>

#include "quipu/device.h"

namespace quipu {

struct Inside {
  int64_t begin;
  int64_t end;
};

// Steps from 0 until `length` is reached.
QUIPU_HOST_DEVICE static inline int64_t StepsTo(int64_t length, int64_t step) {
  return length <= 0 ? 0 : (length + step - 1) / step;
}

// Of elements 0 … count - 1 at `first` + i · step: those with a place in [0, length). When there
// are none, end ≤ begin.
QUIPU_HOST_DEVICE static inline Inside InsideOf(int64_t first, int64_t step, int64_t count,
                                                int64_t length) {
  const int64_t end = StepsTo(length - first, step);
  return Inside{StepsTo(-first, step), end < count ? end : count};
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_INSIDE_H_
