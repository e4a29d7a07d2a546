// A thread a line: the order of the sum leaves no more to do at once.
#include "kernels/scan/scan_cuda.h"
#include "kernels/scan/scan_line.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

constexpr int kThreads = 128;

template <class Number>
__global__ void __launch_bounds__(kThreads) ScanKernel(Scan job) {
  const int64_t lines = job.outer * job.inner;
  for (int64_t at = GridFirst<kThreads>(); at < lines; at += GridStride<kThreads>()) {
    ScanEach(LineOf<Number>(job, at / job.inner, at % job.inner), job.length, job.exclusive);
  }
}

}  // namespace

cudaError_t LaunchScan(const Scan& job, DType dtype, cudaStream_t stream) {
  const int64_t blocks = GridBlocks<kThreads>(job.outer * job.inner);
  const bool known = WithScanNumber(dtype, [&](auto number) {
    if (blocks > 0 && job.length > 0) {
      QUIPU_CUDA_START(ScanKernel<decltype(number)>, blocks, kThreads, stream, job);
    }
    return true;
  });
  return known ? cudaGetLastError() : cudaErrorInvalidValue;
}

}  // namespace quipu
