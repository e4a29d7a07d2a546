// A thread a line: the order of the sum leaves no more to do at once.
#include "kernels/scan/scan_cuda.h"
#include "kernels/scan/scan_line.h"
#include "support/cuda_check.h"

namespace quipu {
namespace {

constexpr int kThreads = 128;

template <class Number>
__global__ void __launch_bounds__(kThreads) ScanKernel(Scan job) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       at < job.outer * job.inner; at += step) {
    ScanEach(LineOf<Number>(job, at / job.inner, at % job.inner), job.length, job.exclusive);
  }
}

}  // namespace

cudaError_t LaunchScan(const Scan& job, DType dtype, cudaStream_t stream) {
  constexpr int64_t kBlocksMax = 65535;
  const int64_t wanted = (job.outer * job.inner + kThreads - 1) / kThreads;
  const int64_t blocks = wanted < kBlocksMax ? wanted : kBlocksMax;
  const bool known = WithScanNumber(dtype, [&](auto number) {
    if (blocks > 0 && job.length > 0) {
      QUIPU_CUDA_START(ScanKernel<decltype(number)>, blocks, kThreads, stream, job);
    }
    return true;
  });
  return known ? cudaGetLastError() : cudaErrorInvalidValue;
}

}  // namespace quipu
