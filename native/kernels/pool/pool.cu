// One thread an output, in a stride over the grid.
#include "kernels/pool/pool_cuda.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

__device__ void One(const MaxPool& job, int64_t plane, int64_t position) {
  MaxPoolOne(job, plane, position);
}

__device__ void One(const AveragePool& job, int64_t plane, int64_t position) {
  AveragePoolOne(job, plane, position);
}

template <class Job>
__global__ void __launch_bounds__(kGridThreads) PoolKernel(Job job) {
  const int64_t positions = VolumeOf(job.out);
  const int64_t count = (job.end - job.begin) * positions;
  for (int64_t i = GridFirst(); i < count; i += GridStride()) {
    One(job, job.begin + i / positions, i % positions);
  }
}

template <class Job>
cudaError_t Launch(const Job& job, cudaStream_t stream) {
  const int64_t count = (job.end - job.begin) * VolumeOf(job.out);
  if (count == 0) return cudaSuccess;
  QUIPU_CUDA_START(PoolKernel<Job>, GridBlocks(count), kGridThreads, stream, job);
  return cudaGetLastError();
}

}  // namespace

cudaError_t LaunchMaxPoolF32(const MaxPool& job, cudaStream_t stream) {
  return Launch(job, stream);
}

cudaError_t LaunchAveragePoolF32(const AveragePool& job, cudaStream_t stream) {
  return Launch(job, stream);
}

}  // namespace quipu
