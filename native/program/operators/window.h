// The words of a window: in[3], kernel[3], out[3], stride[3], dilation[3], pad[3].
#ifndef QUIPU_PROGRAM_OPERATORS_WINDOW_H_
#define QUIPU_PROGRAM_OPERATORS_WINDOW_H_

#include "kernels/window/window.h"
#include "program/words.h"

namespace quipu {

struct WindowWords : Window {
  // So that no position, out · stride + kernel · dilation, can overflow.
  static constexpr int64_t kPositionsMax = int64_t{1} << 36;
  static constexpr int64_t kStepMax = int64_t{1} << 24;

  explicit WindowWords(Words* words) {
    for (int64_t& size : in) size = words->Between(1, kPositionsMax);
    for (int64_t& size : kernel) size = words->Between(1, kStepMax);
    for (int64_t& size : out) size = words->Between(1, kPositionsMax);
    for (int64_t& step : stride) step = words->Between(1, kStepMax);
    for (int64_t& step : dilation) step = words->Between(1, kStepMax);
    for (int64_t& size : pad) size = words->Between(0, kStepMax);
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_WINDOW_H_
