// Launch of the CUDA top-k. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_TOPK_TOPK_CUDA_H_
#define QUIPU_KERNELS_TOPK_TOPK_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/topk/topk.h"

namespace quipu {

cudaError_t LaunchTopKF32(const TopK& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_TOPK_TOPK_CUDA_H_
