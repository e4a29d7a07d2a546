// A row of one block by a warp or four, in registers: 8 bytes of memory an element, and scale and
// bias from the caches. A longer one by teams of threads. All threads of a row know its mean and
// deviation when they write it.
#include "kernels/normalise/normalise_cuda.h"
#include "kernels/normalise/normalise_row.h"
#include "kernels/reduce/held_row.h"
#include "support/cuda_check.h"

namespace quipu {
namespace {

template <class Teams>
__global__ void __launch_bounds__(Teams::kThreads) NormaliseKernel(Normalise job) {
  __shared__ float shared[Teams::kThreads];
  for (int64_t row = Teams::First(); Teams::More(row, job.rows); row += Teams::Step()) {
    const bool live = row < job.rows;
    const float* from = job.from + row * job.length;
    const float sum = Teams::template Reduce<SumF32>(job.length, live, shared,
                                                     [from](int64_t j) { return from[j]; });
    const float mean = sum / static_cast<float>(job.length);
    const float squares = Teams::template Reduce<SumOfSquaresF32>(
        job.length, live, shared, [from, mean](int64_t j) { return from[j] - mean; });
    if (!live) continue;
    const float inverse = InverseDeviation(squares, job.length, job.epsilon);
    const ScaleAndBias after = ScaleAndBiasOf(job, row);
    for (int64_t j = Teams::Place(); j < job.length; j += Teams::kRowThreads) {
      job.to[row * job.length + j] = NormalisedElement(from[j], mean, inverse, after, j);
    }
    if (Teams::Place() == 0) WriteMoments(job, row, mean, inverse);
  }
}

// NormalisedElement of some elements whose scales and biases are on their way together. What is not
// given is what changes no bit.
template <class Row, class Get>
__device__ __forceinline__ void WriteGroup(const Row& held, int first, const ScaleAndBias& after,
                                           float* to, const Get& get) {
  const int step = static_cast<int>(after.step);
  float scale[Row::kTogether], bias[Row::kTogether];
  QUIPU_UNROLL
  for (int k = 0; k < Row::kTogether; ++k) {
    const int at = held.Index(first + k) * step;
    const bool has = held.Has(first + k);
    scale[k] = has && after.scale != nullptr ? after.scale[at] : 1.0f;
    bias[k] = has && after.bias != nullptr ? after.bias[at] : -0.0f;
  }
  QUIPU_UNROLL
  for (int k = 0; k < Row::kTogether; ++k) {
    if (held.Has(first + k)) to[held.Index(first + k)] = get(first + k) * scale[k] + bias[k];
  }
}

template <class Row>
__global__ void __launch_bounds__(Row::kThreads, 7) HeldNormaliseKernel(Normalise job) {
  __shared__ float sums[Row::kShared];
  __shared__ float shared[Row::kShared];
  for (int64_t row = Row::First(); Row::More(row, job.rows); row += Row::Step()) {
    const bool live = row < job.rows;
    const Row held(job.length, live);
    const float* from = job.from + row * job.length;
    float* to = job.to + row * job.length;
    float x[Row::kHeld] = {};
    held.Each([&](int h) { x[h] = from[held.Index(h)]; });
    const float sum = held.template Reduce<SumF32>(sums, [&x](int h) { return x[h]; });
    const float mean = sum / static_cast<float>(job.length);
    const float squares =
        held.template Reduce<SumOfSquaresF32>(shared, [&x, mean](int h) { return x[h] - mean; });
    if (!live) continue;
    const float inverse = InverseDeviation(squares, job.length, job.epsilon);
    const ScaleAndBias after = ScaleAndBiasOf(job, row);
    held.EachGroup([&](int first) {
      WriteGroup(held, first, after, to, [&](int h) { return (x[h] - mean) * inverse; });
    });
    if (Row::Place() == 0) WriteMoments(job, row, mean, inverse);
  }
}

}  // namespace

cudaError_t LaunchNormaliseF32(const Normalise& job, cudaStream_t stream) {
  if (job.rows == 0) return cudaSuccess;
  if (job.length <= kReduceBlock) {
    WithHeldRow(job.length, [&](auto form) {
      using Row = typename decltype(form)::Row;
      QUIPU_CUDA_START(HeldNormaliseKernel<Row>, Row::Blocks(job.rows), Row::kThreads, stream, job);
    });
    return cudaGetLastError();
  }
  WithTeams(job.length, [&](auto teams) {
    using Teams = decltype(teams);
    QUIPU_CUDA_START(NormaliseKernel<Teams>, Teams::Blocks(job.rows), Teams::kThreads, stream, job);
  });
  return cudaGetLastError();
}

}  // namespace quipu
