// Sixteen elements a thread in registers, so that what it takes to find a step's function and
// operands, some 30 instructions, is 2 an element; the step itself and its operand are 2 more. The
// inputs are on their way before the first step is looked at.
#include "kernels/lanes/floats1.h"
#include "kernels/map/functions.h"
#include "kernels/map/map_cuda.h"
#include "kernels/math/basic.h"
#include "kernels/math/error_function.h"
#include "kernels/math/hyperbolic.h"
#include "kernels/math/inverse_trigonometric.h"
#include "kernels/math/power.h"
#include "kernels/math/trigonometric.h"
#include "support/cuda_check.h"
#include "support/quads.h"

namespace quipu {
namespace {

constexpr int kGroups = 4, kElements = kGroups * kFour;
constexpr int kChainThreads = 128, kChainTile = kChainThreads * kElements;

struct Sixteen {
  float at[kElements];
};

__device__ __forceinline__ void SetAll(float value, Sixteen* to) {
  QUIPU_UNROLL
  for (int i = 0; i < kElements; ++i) to->at[i] = value;
}

__device__ __forceinline__ void LoadInput(const ChainInput& input, uint32_t first, uint32_t count,
                                          Sixteen* to) {
  if (input.access == MapAccess::kRepeats) return SetAll(*input.data, to);
  QUIPU_UNROLL
  for (int g = 0; g < kGroups; ++g) {
    const uint32_t begin = first + g * (kChainThreads * kFour);
    if (begin >= count) continue;
    const Divisor& period = input.period;
    uint32_t at = begin;
    if (input.access == MapAccess::kView) at = period.Rest(begin, period.Quotient(begin));
    LoadQuad(input.data + at, to->at + g * kFour);
  }
}

__device__ __forceinline__ void Store(float* to, uint32_t first, uint32_t count,
                                      const Sixteen& from) {
  QUIPU_UNROLL
  for (int g = 0; g < kGroups; ++g) {
    const uint32_t begin = first + g * (kChainThreads * kFour);
    if (begin < count) StoreQuad(from.at + g * kFour, to + begin);
  }
}

// Of more code than its use is worth sixteen times: four elements at a time.
QUIPU_HOST_DEVICE constexpr bool GoesFourByFour(int function) {
  return function == kMapExpF32 || function == kMapTanhF32 || function == kMapSigmoidF32 ||
         function == kMapErfF32;
}

// The result takes the place of `a`.
template <int kNumber, class Function, DType kSecond>
__device__ __forceinline__ void ApplyOne(Sixteen* a, const Sixteen& b) {
  if constexpr (!IsOfChain(kNumber)) {
    return;
  } else if constexpr (GoesFourByFour(kNumber)) {
    // Each four takes its turn at the first places.
    QUIPU_ROLLED
    for (int g = 0; g < kGroups; ++g) {
      float results[kFour];
      QUIPU_UNROLL
      for (int i = 0; i < kFour; ++i) results[i] = Function::template Of<Floats1>(a->at[i]);
      QUIPU_UNROLL
      for (int i = 0; i + kFour < kElements; ++i) a->at[i] = a->at[i + kFour];
      QUIPU_UNROLL
      for (int i = 0; i < kFour; ++i) a->at[kElements - kFour + i] = results[i];
    }
  } else {
    QUIPU_UNROLL
    for (int i = 0; i < kElements; ++i) {
      if constexpr (kSecond == DType{}) {
        a->at[i] = Function::template Of<Floats1>(a->at[i]);
      } else {
        a->at[i] = Function::template Of<Floats1>(a->at[i], b.at[i]);
      }
    }
  }
}

__device__ __forceinline__ void Apply(int function, Sixteen* a, const Sixteen& b) {
  switch (function) {
#define QUIPU_CHAIN_CASE(number, name, result, first, second, third) \
  case number:                                                       \
    return ApplyOne<number, name, Map##second::kDType>(a, b);
    QUIPU_MAP_LANES(QUIPU_CHAIN_CASE)
#undef QUIPU_CHAIN_CASE
    default:
      return;
  }
}

__global__ void __launch_bounds__(kChainThreads, 5)
    MapChainKernel(const __grid_constant__ DeviceChain job) {
  const uint32_t first = blockIdx.x * kChainTile + threadIdx.x * kFour;
  Sixteen x = {}, y = {}, a = {}, b = {};
  LoadInput(job.inputs[0], first, job.count, &x);
  if (job.input_count > 1) LoadInput(job.inputs[1], first, job.count, &y);
  const auto fetch = [&](ChainPlace place, uint32_t constant, Sixteen* to) {
    if (place == ChainPlace::kConstant) {
      SetAll(F32OfBits(constant), to);
    } else if (place == ChainPlace::kFirstInput) {
      *to = x;
    } else if (place == ChainPlace::kSecondInput) {
      *to = y;
    } else if (place == ChainPlace::kLast && to != &a) {
      *to = a;
    }
  };
  QUIPU_ROLLED
  for (int32_t s = 0; s < job.step_count; ++s) {
    const ChainStep step = job.steps[s];
    fetch(step.second, step.constant, &b);
    fetch(step.first, step.constant, &a);
    Apply(step.function, &a, b);
    if (step.keeps != 0) y = a;
  }
  Store(job.to, first, job.count, a);
}

}  // namespace

cudaError_t LaunchMapChain(const DeviceChain& job, cudaStream_t stream) {
  QUIPU_CUDA_START(MapChainKernel, (job.count + kChainTile - 1) / kChainTile, kChainThreads, stream,
                   job);
  return cudaGetLastError();
}

}  // namespace quipu
