// Kernels that give each element a thread and stride over the grid. Include only from .cu files.
#ifndef QUIPU_SUPPORT_CUDA_GRID_H_
#define QUIPU_SUPPORT_CUDA_GRID_H_

#include <cuda_runtime_api.h>

#include <cstdint>

namespace quipu {

constexpr int kGridThreads = 256;

// Blocks of kGridThreads for `count` elements; beyond the most that are useful, threads stride.
static inline int64_t GridBlocks(int64_t count) {
  constexpr int64_t kBlocksMax = 65535;
  const int64_t wanted = (count + kGridThreads - 1) / kGridThreads;
  return wanted < kBlocksMax ? wanted : kBlocksMax;
}

// The first element of this thread, and how far the next one is.
static __device__ inline int64_t GridFirst() {
  return static_cast<int64_t>(blockIdx.x) * kGridThreads + threadIdx.x;
}
static __device__ inline int64_t GridStride() {
  return static_cast<int64_t>(gridDim.x) * kGridThreads;
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_CUDA_GRID_H_
