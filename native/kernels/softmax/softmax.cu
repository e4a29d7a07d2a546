// A row of one block by a warp or four, in registers: 8 bytes of memory and some 30 instructions an
// element, of the 79 there is time for at 3 TB/s.
//
// A longer one by teams of threads. The exponentials wait for their sum where the result will be;
// the last barrier of the sum lets the other threads see them.
#include "kernels/lanes/floats1.h"
#include "kernels/math/logarithm.h"
#include "kernels/reduce/held_row.h"
#include "kernels/softmax/softmax_cuda.h"
#include "support/cuda_check.h"

namespace quipu {
namespace {

template <class Teams>
__global__ void __launch_bounds__(Teams::kThreads) SoftmaxKernel(Softmax job) {
  using Largest = ExtremeF32<true>;
  __shared__ int32_t ordered[Teams::kThreads];
  __shared__ float shared[Teams::kThreads];
  for (int64_t row = Teams::First(); Teams::More(row, job.rows); row += Teams::Step()) {
    const bool live = row < job.rows;
    const float* from = job.from + row * job.length;
    float* to = job.to + row * job.length;
    const bool keep = !job.logarithm;
    const float most = Largest::Finish(Teams::template Reduce<Largest>(
        job.length, live, ordered, [from](int64_t j) { return from[j]; }));
    const auto power = [from, to, most, keep](int64_t j) {
      const float e = ExpF32::Of<Floats1>(from[j] - most);
      if (keep) to[j] = e;
      return e;
    };
    const float sum = Teams::template Reduce<SumF32>(job.length, live, shared, power);
    const float by = keep ? 1.0f / sum : LogF32::Of<Floats1>(sum);
    if (!live) continue;
    for (int64_t j = Teams::Place(); j < job.length; j += Teams::kRowThreads) {
      to[j] = keep ? to[j] * by : (from[j] - most) - by;
    }
  }
}

// The greatest as it is, for elements of registers.
struct LargestF32 : Fold<float, float> {
  static __device__ float Start() { return F32OfBits(0xff800000u); }
  static __device__ float Take(float lane, float x, uint32_t) { return Join(lane, x); }
  static __device__ float Join(float a, float b) { return Floats1::Maximum(a, b); }
};

// What the row does not have is -Inf, whose exponential adds nothing.
template <class Row>
__global__ void __launch_bounds__(Row::kThreads, 8) HeldSoftmaxKernel(Softmax job) {
  __shared__ float ordered[Row::kShared];
  __shared__ float shared[Row::kShared];
  for (int64_t row = Row::First(); Row::More(row, job.rows); row += Row::Step()) {
    const Row held(job.length, row < job.rows);
    const float* from = job.from + row * job.length + Row::FirstElement();
    float* to = job.to + row * job.length + Row::FirstElement();
    float x[Row::kHeld];
    QUIPU_UNROLL
    for (int h = 0; h < Row::kHeld; ++h) x[h] = LargestF32::Start();
    held.Each([&](int h) { x[h] = from[h * kWarp]; });
    const auto get = [&x](int h) { return x[h]; };
    const float most = held.template Reduce<LargestF32>(ordered, get);
    held.EachOrMore([&](int h) { x[h] = ExpOfNegativeF32::Of<Floats1>(x[h] - most); });
    const float sum = held.template Reduce<SumF32>(shared, get);
    if (job.logarithm) {
      const float log = LogF32::Of<Floats1>(sum);
      held.Each([&](int h) { x[h] = from[h * kWarp]; });
      held.Each([&](int h) { to[h * kWarp] = (x[h] - most) - log; });
    } else {
      const float inverse = 1.0f / sum;
      held.Each([&](int h) { to[h * kWarp] = x[h] * inverse; });
    }
  }
}

}  // namespace

cudaError_t LaunchSoftmaxF32(const Softmax& job, cudaStream_t stream) {
  if (job.rows == 0) return cudaSuccess;
  if (job.length <= kReduceBlock) {
    WithHeldRow(job.length, [&](auto form) {
      using Row = typename decltype(form)::Row;
      QUIPU_CUDA_START(HeldSoftmaxKernel<Row>, Row::Blocks(job.rows), Row::kThreads, stream, job);
    });
    return cudaGetLastError();
  }
  WithTeams(job.length, [&](auto teams) {
    using Teams = decltype(teams);
    QUIPU_CUDA_START(SoftmaxKernel<Teams>, Teams::Blocks(job.rows), Teams::kThreads, stream, job);
  });
  return cudaGetLastError();
}

}  // namespace quipu
