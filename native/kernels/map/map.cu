// One thread an element, in a stride over the grid, with all registers of its own.
#include "kernels/lanes/floats1.h"
#include "kernels/map/functions.h"
#include "kernels/map/map_cuda.h"
#include "kernels/math/basic.h"
#include "kernels/math/conversions.h"
#include "kernels/math/error_function.h"
#include "kernels/math/hyperbolic.h"
#include "kernels/math/integers.h"
#include "kernels/math/inverse_trigonometric.h"
#include "kernels/math/power.h"
#include "kernels/math/trigonometric.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

template <class Kind>
QUIPU_LANES typename Kind::Element ValueOf(uint64_t bits) {
  typename Kind::Element value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

template <class Element>
QUIPU_LANES uint64_t WordOf(Element value) {
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}

// A function over lanes, on one.
template <class Function>
struct OnOneLane {
  template <class... Operands>
  QUIPU_LANES float Of(Operands... operands) {
    return Function::template Of<Floats1>(operands...);
  }
};

template <class Function, class A, class B, class C>
QUIPU_LANES uint64_t WordsOf(uint64_t a, [[maybe_unused]] uint64_t b, [[maybe_unused]] uint64_t c) {
  if constexpr (B::kDType == DType{}) {
    return WordOf(Function::Of(ValueOf<A>(a)));
  } else if constexpr (C::kDType == DType{}) {
    return WordOf(Function::Of(ValueOf<A>(a), ValueOf<B>(b)));
  } else {
    return WordOf(Function::Of(ValueOf<A>(a), ValueOf<B>(b), ValueOf<C>(c)));
  }
}

__device__ uint64_t Apply(int function, uint64_t a, uint64_t b, uint64_t c) {
  switch (function) {
#define QUIPU_LANE_CASE(number, name, result, first, second, third) \
  case number:                                                      \
    return WordsOf<OnOneLane<name>, Map##first, Map##second, Map##third>(a, b, c);
    QUIPU_MAP_LANES(QUIPU_LANE_CASE)
#undef QUIPU_LANE_CASE
#define QUIPU_PLAIN_CASE(number, name, result, first, second, third) \
  case number:                                                       \
    return WordsOf<name, Map##first, Map##second, Map##third>(a, b, c);
    QUIPU_MAP_PLAIN(QUIPU_PLAIN_CASE)
#undef QUIPU_PLAIN_CASE
    default:
      return 0;  // a sound map has no other
  }
}

__device__ uint64_t ReadElement(const void* data, size_t bytes, int64_t at) {
  switch (bytes) {
    case 1:
      return static_cast<const uint8_t*>(data)[at];
    case 2:
      return static_cast<const uint16_t*>(data)[at];
    case 4:
      return static_cast<const uint32_t*>(data)[at];
    default:
      return static_cast<const uint64_t*>(data)[at];
  }
}

__device__ void WriteElement(void* data, size_t bytes, int64_t at, uint64_t word) {
  switch (bytes) {
    case 1:
      static_cast<uint8_t*>(data)[at] = static_cast<uint8_t>(word);
      return;
    case 2:
      static_cast<uint16_t*>(data)[at] = static_cast<uint16_t>(word);
      return;
    case 4:
      static_cast<uint32_t*>(data)[at] = static_cast<uint32_t>(word);
      return;
    default:
      static_cast<uint64_t*>(data)[at] = word;
  }
}

__device__ void ReadInputs(const Map& job, int64_t index, uint64_t* registers) {
  int64_t offsets[kMapInputsMax] = {};
  for (int32_t axis = job.rank - 1; axis >= 0; --axis) {
    const int64_t at = index % job.shape[axis];
    index /= job.shape[axis];
    for (int32_t i = 0; i < job.input_count; ++i) offsets[i] += at * job.inputs[i].stride[axis];
  }
  for (int32_t i = 0; i < job.input_count; ++i) {
    registers[i] = ReadElement(job.inputs[i].data, DTypeBytes(job.inputs[i].dtype), offsets[i]);
  }
}

__global__ void __launch_bounds__(kGridThreads) MapKernel(Map job, int64_t count) {
  uint64_t registers[kMapRegistersMax];
  for (int32_t i = 0; i < job.constant_count; ++i) {
    registers[job.input_count + i] = job.constants[i].bits;
  }
  const int32_t first = job.input_count + job.constant_count;
  for (int64_t i = GridFirst(); i < count; i += GridStride()) {
    ReadInputs(job, i, registers);
    for (int32_t s = 0; s < job.step_count; ++s) {
      const MapStep& step = job.steps[s];
      registers[first + s] = Apply(step.function, registers[step.operands[0]],
                                   registers[step.operands[1]], registers[step.operands[2]]);
    }
    for (int32_t o = 0; o < job.output_count; ++o) {
      const MapOutput& output = job.outputs[o];
      WriteElement(output.data, DTypeBytes(output.dtype), i, registers[output.reg]);
    }
  }
}

}  // namespace

cudaError_t LaunchMap(const Map& job, cudaStream_t stream) {
  const int64_t count = MapElements(job);
  if (count == 0) return cudaSuccess;
  QUIPU_CUDA_START(MapKernel, GridBlocks(count), kGridThreads, stream, job, count);
  return cudaGetLastError();
}

}  // namespace quipu
