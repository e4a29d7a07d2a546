// One block a row. Keys are unique in a row, so the next rank is the greatest key below the last
// one: k passes over the row, each a maximum of integers, in which order plays no part.
#include "kernels/topk/topk_cuda.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) TopKKernel(TopK job) {
  __shared__ unsigned long long best[kThreads];
  for (int64_t row = blockIdx.x; row < job.row_count; row += gridDim.x) {
    const float* from = job.rows + row * job.length;
    unsigned long long last = ~0ull;  // above every key: its index would be that of element -1
    for (int64_t rank = 0; rank < job.k; ++rank) {
      unsigned long long mine = 0;
      for (int64_t i = threadIdx.x; i < job.length; i += kThreads) {
        const unsigned long long key = TopKKey(BitsOfF32(from[i]), i, job.largest);
        if ((rank == 0 || key < last) && key > mine) mine = key;
      }
      best[threadIdx.x] = mine;
      __syncthreads();
      for (unsigned half = kThreads / 2; half > 0; half /= 2) {
        if (threadIdx.x < half && best[threadIdx.x + half] > best[threadIdx.x]) {
          best[threadIdx.x] = best[threadIdx.x + half];
        }
        __syncthreads();
      }
      last = best[0];
      if (threadIdx.x == 0) {
        const int64_t index = TopKIndex(last);
        job.values[row * job.k + rank] = from[index];
        job.indices[row * job.k + rank] = index;
      }
      __syncthreads();  // best[0] is read by all before the next rank writes it
    }
  }
}

}  // namespace

cudaError_t LaunchTopKF32(const TopK& job, cudaStream_t stream) {
  if (job.row_count == 0 || job.k == 0) return cudaSuccess;
  QUIPU_CUDA_START(TopKKernel, UsefulBlocks(job.row_count), kThreads, stream, job);
  return cudaGetLastError();
}

}  // namespace quipu
