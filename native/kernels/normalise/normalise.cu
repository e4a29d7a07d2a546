// A row by a team of threads, which all know its mean and deviation when they write it.
#include "kernels/normalise/normalise_cuda.h"
#include "kernels/normalise/normalise_row.h"
#include "kernels/reduce/reduce_device.h"
#include "support/cuda_check.h"

namespace quipu {
namespace {

__global__ void __launch_bounds__(kTeamThreads) NormaliseKernel(Normalise job) {
  __shared__ float shared[kTeamThreads];
  const int64_t step = static_cast<int64_t>(gridDim.x) * kTeams;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kTeams; first < job.rows; first += step) {
    const int64_t row = first + threadIdx.x / kReduceLanes;
    const bool live = row < job.rows;
    const float* from = job.from + row * job.length;
    const float sum =
        TeamReduce<SumF32>(job.length, live, shared, [from](int64_t j) { return from[j]; });
    const float mean = sum / static_cast<float>(job.length);
    const float squares = TeamReduce<SumOfSquaresF32>(
        job.length, live, shared, [from, mean](int64_t j) { return from[j] - mean; });
    if (!live) continue;
    const float inverse = InverseDeviation(squares, job.length, job.epsilon);
    const ScaleAndBias after = ScaleAndBiasOf(job, row);
    for (int64_t j = threadIdx.x % kReduceLanes; j < job.length; j += kReduceLanes) {
      job.to[row * job.length + j] = NormalisedElement(from[j], mean, inverse, after, j);
    }
    if (threadIdx.x % kReduceLanes == 0) WriteMoments(job, row, mean, inverse);
  }
}

}  // namespace

cudaError_t LaunchNormaliseF32(const Normalise& job, cudaStream_t stream) {
  if (job.rows == 0) return cudaSuccess;
  QUIPU_CUDA_START(NormaliseKernel, TeamBlocks(job.rows), kTeamThreads, stream, job);
  return cudaGetLastError();
}

}  // namespace quipu
