// A row by a team of threads. The exponentials wait for their sum where the result will be, each
// written and read by the same thread.
#include "kernels/lanes/floats1.h"
#include "kernels/math/logarithm.h"
#include "kernels/reduce/reduce_device.h"
#include "kernels/softmax/softmax_cuda.h"
#include "support/cuda_check.h"

namespace quipu {
namespace {

__global__ void __launch_bounds__(kTeamThreads) SoftmaxKernel(Softmax job) {
  using Largest = ExtremeF32<true>;
  __shared__ int32_t ordered[kTeamThreads];
  __shared__ float shared[kTeamThreads];
  const int64_t step = static_cast<int64_t>(gridDim.x) * kTeams;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kTeams; first < job.rows; first += step) {
    const int64_t row = first + threadIdx.x / kReduceLanes;
    const bool live = row < job.rows;
    const float* from = job.from + row * job.length;
    float* to = job.to + row * job.length;
    const bool keep = !job.logarithm;
    const float most = Largest::Finish(
        TeamReduce<Largest>(job.length, live, ordered, [from](int64_t j) { return from[j]; }));
    const auto power = [from, to, most, keep](int64_t j) {
      const float e = ExpF32::Of<Floats1>(from[j] - most);
      if (keep) to[j] = e;
      return e;
    };
    const float sum = TeamReduce<SumF32>(job.length, live, shared, power);
    const float by = keep ? 1.0f / sum : LogF32::Of<Floats1>(sum);
    if (!live) continue;
    for (int64_t j = threadIdx.x % kReduceLanes; j < job.length; j += kReduceLanes) {
      to[j] = keep ? to[j] * by : (from[j] - most) - by;
    }
  }
}

}  // namespace

cudaError_t LaunchSoftmaxF32(const Softmax& job, cudaStream_t stream) {
  if (job.rows == 0) return cudaSuccess;
  QUIPU_CUDA_START(SoftmaxKernel, TeamBlocks(job.rows), kTeamThreads, stream, job);
  return cudaGetLastError();
}

}  // namespace quipu
