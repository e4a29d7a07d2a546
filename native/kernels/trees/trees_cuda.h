// Launch of the CUDA trees, of all rows. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_TREES_TREES_CUDA_H_
#define QUIPU_KERNELS_TREES_TREES_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/trees/trees.h"

namespace quipu {

cudaError_t LaunchTrees(const Trees& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_TREES_TREES_CUDA_H_
