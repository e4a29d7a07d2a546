// convolution  x, w → y | batch, groups, in channels, out channels (both of a group), window
#ifndef QUIPU_PROGRAM_OPERATORS_CONVOLUTION_H_
#define QUIPU_PROGRAM_OPERATORS_CONVOLUTION_H_

#include "kernels/convolution/convolution.h"
#include "program/operators/window.h"

namespace quipu {

struct ConvolutionWords {
  int64_t batch, groups, in_channels, out_channels;
  WindowWords window;

  explicit ConvolutionWords(Words* words)
      : batch(words->Size()),
        groups(words->Size()),
        in_channels(words->Size()),
        out_channels(words->Size()),
        window(words) {}

  // Of the first image and the first group.
  Convolution Job(const float* x, const float* w, float* y) const {
    return Convolution{window, x, w, y, in_channels, out_channels, 0, VolumeOf(window.out)};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_CONVOLUTION_H_
