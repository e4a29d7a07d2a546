// Launches of the CUDA matmul. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_CUDA_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/matmul/matmul.h"
#include "quipu/views.h"

namespace quipu {

// Products of whole stacks of matrices that lie one after another. Axes are those of C's stack,
// outermost first; strides count matrices, 0 repeats.
struct MatmulStack {
  Matmul one;  // the first
  int64_t matrices = 1;
  int64_t rank = 0;
  int64_t shape[kRankMax] = {};
  int64_t a_stride[kRankMax] = {};
  int64_t b_stride[kRankMax] = {};
};

// Floats that the launch wants at `scratch`, to be faster: it may be null.
int64_t MatmulScratchFloats(const MatmulStack& job);
cudaError_t LaunchMatmulF32(const MatmulStack& job, float* scratch, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_CUDA_H_
