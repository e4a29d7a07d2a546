// Launches of the CUDA scatters. Pointers are device pointers; `bad` is a BadIndex of this launch
// alone, its position -1, and says afterwards which index was bad first, if any was: then its
// update was left out. Include only from .cu files.
#ifndef QUIPU_KERNELS_SCATTER_SCATTER_CUDA_H_
#define QUIPU_KERNELS_SCATTER_SCATTER_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/scatter/scatter.h"

namespace quipu {

cudaError_t LaunchScatter(const ScatterElements& job, BadIndex* bad, cudaStream_t stream);
cudaError_t LaunchScatter(const ScatterNd& job, BadIndex* bad, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_SCATTER_SCATTER_CUDA_H_
