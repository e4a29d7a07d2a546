// Launches of the CUDA matmul. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_CUDA_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/matmul/matmul.h"

namespace quipu {

cudaError_t LaunchMatmulF32(const Matmul& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_CUDA_H_
