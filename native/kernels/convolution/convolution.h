// Convolution of one image and some groups, canonical (docs/arithmetic.md, "Convolution"): each
// output is the dot product of a row of weights with the inputs under its window, k = (input
// channel, kernel depth, row, column) ascending in blocks of 256. A tap in the padding takes part
// as fma(weight, +0, sum). That is the canonical product of the weights (output channels × k) with
// a matrix that is never written down (k × output positions). No transform changes the terms.
//
// A call computes on the calling thread only. A caller splits work over output channels, by moving
// w and y (not where there are panels), and over positions, which cannot change a bit.
#ifndef QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_H_
#define QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul/matmul.h"
#include "kernels/window/window.h"

namespace quipu {

struct Convolution : Window {
  const float* x;  // in_channels planes
  const float* w;  // a row for each output channel: in_channels × taps
  float* y;        // a row for each output channel: all output positions
  int64_t in_channels;
  int64_t out_channels;  // both of a group
  int64_t begin;         // of the output positions to compute, row-major over out
  int64_t end;
  int64_t groups = 1;  // whose planes and rows lie one behind the other
  MatmulPanels panels =
      {};  // of the weights, taps × output channels, where WindowsAreRows; or none
};

// 64-byte aligned; one a thread.
constexpr size_t kConvolutionScratchBytes = kMatmulScratchBytes;

using ConvolutionF32 = void (*)(const Convolution& job, float* scratch);

void ConvolutionF32Portable(const Convolution& job, float* scratch);
void ConvolutionF32Avx2(const Convolution& job, float* scratch);
void ConvolutionF32Avx512(const Convolution& job, float* scratch);

// Terms of one output.
QUIPU_HOST_DEVICE static inline int64_t DepthOf(const Convolution& job) {
  return job.in_channels * VolumeOf(job.kernel);
}

// Whether the inputs of each window lie one behind the other, as the row of a matrix does: a
// signal.
static inline bool WindowsAreRows(const Convolution& job) {
  return job.in_channels == 1 && job.in[0] == 1 && job.in[1] == 1 && job.kernel[0] == 1 &&
         job.kernel[1] == 1 && job.out[0] == 1 && job.out[1] == 1 && job.dilation[2] == 1 &&
         job.pad[0] == 0 && job.pad[1] == 0 && job.pad[2] == 0 &&
         (job.out[2] - 1) * job.stride[2] + job.kernel[2] <= job.in[2];
}

// One of its groups.
static inline Convolution GroupOf(const Convolution& job, int64_t group) {
  Convolution one = job;
  one.x += group * job.in_channels * VolumeOf(job.in);
  one.w += group * job.out_channels * DepthOf(job);
  one.y += group * job.out_channels * VolumeOf(job.out);
  one.groups = 1;
  return one;
}

// A row or column of the matrix of inputs. Of a row: what the tap adds to the window's corner; of a
// column: the corner, which may lie in the padding.
struct ConvolutionPlace {
  int64_t channel;
  int64_t at[3];
};

// Index: int64_t, or uint32_t where k fits and a wide division is dear.
template <typename Index>
QUIPU_HOST_DEVICE static inline ConvolutionPlace TapAt(const Convolution& job, Index p) {
  ConvolutionPlace tap;
  tap.at[2] = p % static_cast<Index>(job.kernel[2]) * job.dilation[2];
  p /= static_cast<Index>(job.kernel[2]);
  tap.at[1] = p % static_cast<Index>(job.kernel[1]) * job.dilation[1];
  p /= static_cast<Index>(job.kernel[1]);
  tap.at[0] = p % static_cast<Index>(job.kernel[0]) * job.dilation[0];
  tap.channel = p / static_cast<Index>(job.kernel[0]);
  return tap;
}

QUIPU_HOST_DEVICE static inline ConvolutionPlace CornerAt(const Convolution& job,
                                                          int64_t position) {
  ConvolutionPlace corner;
  corner.channel = 0;
  corner.at[2] = position % job.out[2] * job.stride[2] - job.pad[2];
  position /= job.out[2];
  corner.at[1] = position % job.out[1] * job.stride[1] - job.pad[1];
  corner.at[0] = position / job.out[1] * job.stride[0] - job.pad[0];
  return corner;
}

// The element of the matrix of inputs where a row and a column meet.
QUIPU_HOST_DEVICE static inline float InputAt(const Convolution& job, const float* x,
                                              const ConvolutionPlace& tap,
                                              const ConvolutionPlace& corner) {
  const int64_t d = corner.at[0] + tap.at[0];
  const int64_t h = corner.at[1] + tap.at[1];
  const int64_t w = corner.at[2] + tap.at[2];
  if (d < 0 || d >= job.in[0] || h < 0 || h >= job.in[1] || w < 0 || w >= job.in[2]) return 0.0f;
  return x[((tap.channel * job.in[0] + d) * job.in[1] + h) * job.in[2] + w];
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_H_
