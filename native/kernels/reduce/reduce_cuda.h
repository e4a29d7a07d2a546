// Launch of the CUDA reductions. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_CUDA_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/reduce/reduce.h"

namespace quipu {

cudaError_t LaunchReduce(const Reduce& job, ReduceFunction function, DType dtype,
                         cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_CUDA_H_
