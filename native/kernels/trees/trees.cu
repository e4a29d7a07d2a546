// One thread a row: neighbours walk the same tree and meet in its first nodes.
#include "kernels/trees/trees_cuda.h"
#include "kernels/trees/trees_walk.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

__global__ void __launch_bounds__(kGridThreads) TreesKernel(Trees job) {
  for (int64_t row = GridFirst(); row < job.row_count; row += GridStride()) {
    RunTreesOfRow(job, job.rows + row * job.features, job.to + row * job.targets);
  }
}

}  // namespace

cudaError_t LaunchTrees(const Trees& job, cudaStream_t stream) {
  if (job.row_count == 0) return cudaSuccess;
  QUIPU_CUDA_START(TreesKernel, GridBlocks(job.row_count), kGridThreads, stream, job);
  return cudaGetLastError();
}

}  // namespace quipu
