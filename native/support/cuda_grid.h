// Kernels that give each element a thread and stride over the grid. Include only from .cu files.
#ifndef QUIPU_SUPPORT_CUDA_GRID_H_
#define QUIPU_SUPPORT_CUDA_GRID_H_

#include <cuda_runtime_api.h>

#include <cstdint>

namespace quipu {

constexpr int kGridThreads = 256;

// Processors of the device; one where it does not say, so that whoever plans for them goes on.
static inline int DeviceProcessors() {
  static const int processors = [] {
    int count = 0;
    const cudaError_t error =
        cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, /*device=*/0);
    return error == cudaSuccess && count > 0 ? count : 1;
  }();
  return processors;
}

// So many blocks or the most that are useful: beyond those, blocks stride.
static inline int64_t UsefulBlocks(int64_t wanted) {
  constexpr int64_t kBlocksMax = 65535;
  return wanted < kBlocksMax ? wanted : kBlocksMax;
}

// Blocks of kThreads for `count` elements.
template <int kThreads = kGridThreads>
static inline int64_t GridBlocks(int64_t count) {
  return UsefulBlocks((count + kThreads - 1) / kThreads);
}

// The first element of this thread, and how far the next one is.
template <int kThreads = kGridThreads>
static __device__ inline int64_t GridFirst() {
  return static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}
template <int kThreads = kGridThreads>
static __device__ inline int64_t GridStride() {
  return static_cast<int64_t>(gridDim.x) * kThreads;
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_CUDA_GRID_H_
