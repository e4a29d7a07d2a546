// Launches of the CUDA copies. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_COPY_COPY_CUDA_H_
#define QUIPU_KERNELS_COPY_COPY_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/copy/copy.h"

namespace quipu {

cudaError_t LaunchCopy(const Copy& job, cudaStream_t stream);
cudaError_t LaunchFill(void* to, int32_t element_bytes, uint64_t bits, int64_t count,
                       cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_COPY_COPY_CUDA_H_
