// Launches of the CUDA pooling. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_POOL_POOL_CUDA_H_
#define QUIPU_KERNELS_POOL_POOL_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/pool/pool.h"

namespace quipu {

cudaError_t LaunchMaxPoolF32(const MaxPool& job, cudaStream_t stream);
cudaError_t LaunchAveragePoolF32(const AveragePool& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_POOL_POOL_CUDA_H_
