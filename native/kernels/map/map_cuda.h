// Launch of the CUDA map. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_MAP_MAP_CUDA_H_
#define QUIPU_KERNELS_MAP_MAP_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/map/map_chain.h"

namespace quipu {

// The whole of a sound map.
cudaError_t LaunchMap(const Map& job, cudaStream_t stream);

// For LaunchMap.
cudaError_t LaunchMapChain(const DeviceChain& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_MAP_CUDA_H_
