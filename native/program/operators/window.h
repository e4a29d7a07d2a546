// What convolution and pooling share: in[3], kernel[3], out[3], stride[3], dilation[3], and how far
// the window begins before the first element, pad[3].
#ifndef QUIPU_PROGRAM_OPERATORS_WINDOW_H_
#define QUIPU_PROGRAM_OPERATORS_WINDOW_H_

#include "program/words.h"

namespace quipu {

struct WindowWords {
  // So that no position, out · stride + kernel · dilation, can overflow.
  static constexpr int64_t kPositionsMax = int64_t{1} << 36;
  static constexpr int64_t kStepMax = int64_t{1} << 24;

  int64_t in[3], kernel[3], out[3], stride[3], dilation[3], pad[3];

  explicit WindowWords(Words* words) {
    for (int64_t& size : in) size = words->Between(1, kPositionsMax);
    for (int64_t& size : kernel) size = words->Between(1, kStepMax);
    for (int64_t& size : out) size = words->Between(1, kPositionsMax);
    for (int64_t& step : stride) step = words->Between(1, kStepMax);
    for (int64_t& step : dilation) step = words->Between(1, kStepMax);
    for (int64_t& size : pad) size = words->Between(0, kStepMax);
  }

  template <class Job>
  void Fill(Job* job) const {
    for (int axis = 0; axis < 3; ++axis) {
      job->in[axis] = in[axis];
      job->kernel[axis] = kernel[axis];
      job->out[axis] = out[axis];
      job->stride[axis] = stride[axis];
      job->dilation[axis] = dilation[axis];
      job->pad[axis] = pad[axis];
    }
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_WINDOW_H_
