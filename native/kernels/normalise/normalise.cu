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

// Scales and biases of some elements are on their way together. What is not given is what changes
// no bit.
template <class Row>
__device__ __forceinline__ void WriteGroup(const Row& held, int first, const ScaleAndBias& after,
                                           float inverse, const float* apart, float* to) {
  const int step = static_cast<int>(after.step);
  float scale[Row::kTogether], bias[Row::kTogether];
  QUIPU_UNROLL
  for (int k = 0; k < Row::kTogether; ++k) {
    const int at = (first + k) * kWarp * step;
    const bool has = held.Has(first + k);
    scale[k] = has && after.scale != nullptr ? after.scale[at] : 1.0f;
    bias[k] = has && after.bias != nullptr ? after.bias[at] : -0.0f;
  }
  QUIPU_UNROLL
  for (int k = 0; k < Row::kTogether; ++k) {
    const int h = first + k;
    if (held.Has(h)) to[h * kWarp] = apart[h] * inverse * scale[k] + bias[k];
  }
}

// What the row does not have is 0, and 0 from the mean: that adds nothing.
template <class Row>
__global__ void __launch_bounds__(Row::kThreads, 7) HeldNormaliseKernel(Normalise job) {
  __shared__ float sums[Row::kShared];
  __shared__ float shared[Row::kShared];
  for (int64_t row = Row::First(); Row::More(row, job.rows); row += Row::Step()) {
    const bool live = row < job.rows;
    const Row held(job.length, live);
    const float* from = job.from + row * job.length + Row::FirstElement();
    float* to = job.to + row * job.length + Row::FirstElement();
    float x[Row::kHeld] = {};
    const auto get = [&x](int h) { return x[h]; };
    held.Each([&](int h) { x[h] = from[h * kWarp]; });
    const float sum = held.template Reduce<SumF32>(sums, get);
    const float mean = sum / static_cast<float>(job.length);
    held.Each([&](int h) { x[h] = x[h] - mean; });
    const float squares = held.template Reduce<SumOfSquaresF32>(shared, get);
    if (!live) continue;
    const float inverse = InverseDeviation(squares, job.length, job.epsilon);
    ScaleAndBias after = ScaleAndBiasOf(job, row);
    if (after.scale != nullptr) after.scale += Row::FirstElement() * after.step;
    if (after.bias != nullptr) after.bias += Row::FirstElement() * after.step;
    held.EachGroup([&](int first) { WriteGroup(held, first, after, inverse, x, to); });
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
