// Launches of the CUDA convolution. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_CUDA_H_
#define QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/convolution/convolution.h"

namespace quipu {

// All groups of a whole batch: x is images × groups × in_channels planes, w groups × out_channels
// rows, y images × groups × out_channels rows. `one` is the first group of the first image; its
// range of positions is not read, all are computed.
struct ConvolutionGrid {
  Convolution one;
  int64_t images;
  int64_t groups;
};

// Floats that the launch wants at `scratch`, to be faster: it may be null.
int64_t ConvolutionScratchFloats(const ConvolutionGrid& job);
cudaError_t LaunchConvolutionF32(const ConvolutionGrid& job, float* scratch, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_CUDA_H_
