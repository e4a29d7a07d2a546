// Launches of the CUDA gathers, of the whole output. Pointers are device pointers; `bad` is a
// BadIndex of this launch alone, its position -1, and says afterwards which index was bad first, if
// any was: then the output has zeros in its place. Include only from .cu files.
#ifndef QUIPU_KERNELS_GATHER_GATHER_CUDA_H_
#define QUIPU_KERNELS_GATHER_GATHER_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/gather/gather.h"

namespace quipu {

cudaError_t LaunchGather(const GatherAxis& job, BadIndex* bad, cudaStream_t stream);
cudaError_t LaunchGather(const GatherElements& job, BadIndex* bad, cudaStream_t stream);
cudaError_t LaunchGather(const GatherNd& job, BadIndex* bad, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_GATHER_GATHER_CUDA_H_
