// Launches of the CUDA elementwise kernels. Pointers are device pointers. Include only from .cu
// files.
#ifndef QUIPU_KERNELS_ELEMENTWISE_ELEMENTWISE_CUDA_H_
#define QUIPU_KERNELS_ELEMENTWISE_ELEMENTWISE_CUDA_H_

#include <cuda_runtime_api.h>

#include <cstdint>

namespace quipu {

// out[i] = a[…] ∘ b[…] over a whole broadcast: `shape` outermost first, strides in elements, 0
// where an operand repeats.
struct ElementwiseGrid {
  const float* a;
  const float* b;
  float* out;
  int64_t count;
  int32_t rank;
  int64_t shape[8];
  int64_t a_stride[8];
  int64_t b_stride[8];
};

cudaError_t LaunchAddF32(const ElementwiseGrid& job, cudaStream_t stream);
cudaError_t LaunchMultiplyF32(const ElementwiseGrid& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_ELEMENTWISE_ELEMENTWISE_CUDA_H_
