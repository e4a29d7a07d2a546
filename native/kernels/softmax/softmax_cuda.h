// Launch of the CUDA softmax. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_SOFTMAX_SOFTMAX_CUDA_H_
#define QUIPU_KERNELS_SOFTMAX_SOFTMAX_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/softmax/softmax.h"

namespace quipu {

cudaError_t LaunchSoftmaxF32(const Softmax& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_SOFTMAX_SOFTMAX_CUDA_H_
