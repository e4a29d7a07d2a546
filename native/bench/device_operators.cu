// G2: operators that the device's memory holds up, beside a copy of as many bytes in it.
#include "bench/device.h"
#include "kernels/copy/copy_cuda.h"
#include "kernels/map/map_cuda.h"
#include "kernels/normalise/normalise_cuda.h"
#include "kernels/reduce/reduce_cuda.h"
#include "kernels/softmax/softmax_cuda.h"

namespace quipu::bench {
namespace {

// Tensors far beyond the device's caches.
constexpr int64_t kElements = int64_t{1} << 26;

// The longer ones are for copies of as many bytes as two operands and a result have.
struct Memory {
  DeviceFloats from{kElements * 3 / 2, 1}, other{kElements, 2}, to{kElements * 3 / 2};
};

// `bytes` are read and written.
void HoldBytes(const std::string& name, double bytes, const Memory& memory,
               const std::function<cudaError_t()>& start, const Options& options) {
  const auto copy = [&] {
    Demand(cudaMemcpyAsync(memory.to.get(), memory.from.get(), static_cast<size_t>(bytes / 2),
                           cudaMemcpyDeviceToDevice, Stream()),
           "a copy");
  };
  Hold(Contest{"G2",
               name,
               bytes,
               "byte",
               {"ours", [&] { Demand(start(), name.c_str()); }},
               {{"copy", copy}},
               0},
       options);
}

void HoldRows(const Memory& memory, int64_t length, const Options& options) {
  const int64_t rows = kElements / length;
  const std::string shape = std::to_string(rows) + " x " + std::to_string(length);
  const Softmax softmax{memory.from.get(), memory.to.get(), rows, length, false, false};
  HoldBytes(
      "softmax " + shape, 8.0 * kElements, memory,
      [&] { return LaunchSoftmaxF32(softmax, Stream()); }, options);
  Normalise normalise = {};
  normalise.from = memory.from.get();
  normalise.to = memory.to.get();
  normalise.scale = memory.other.get();
  normalise.bias = memory.other.get() + length;
  normalise.rows = rows;
  normalise.length = length;
  normalise.channels = 1;
  normalise.epsilon = 1e-5f;
  normalise.mode = NormaliseMode::kByPlace;
  HoldBytes(
      "layer normalisation " + shape, 8.0 * kElements, memory,
      [&] { return LaunchNormaliseF32(normalise, Stream()); }, options);
  const Reduce sum{memory.from.get(), memory.to.get(), rows, length, 1, 1};
  HoldBytes(
      "sums of rows " + shape, 4.0 * kElements, memory,
      [&] { return LaunchReduce(sum, ReduceFunction::kSum, DType::kF32, Stream()); }, options);
}

constexpr uint16_t kGelu = 29, kAdd = 40, kMultiply = 42, kMaximum = 45;

void HoldMap(const std::string& name, double bytes, Map job, const Memory& memory,
             const Options& options) {
  job.output_count = 1;
  job.outputs[0] = {
      memory.to.get(), DType::kF32,
      static_cast<uint8_t>(job.input_count + job.constant_count + job.step_count - 1)};
  PlanMap(&job);
  HoldBytes(
      name, bytes, memory, [&] { return LaunchMap(job, Stream()); }, options);
}

Map Flat(const Memory& memory) {
  Map job = {};
  job.rank = 1;
  job.shape[0] = kElements;
  job.input_count = 1;
  job.inputs[0] = {memory.from.get(), DType::kF32, {1}};
  return job;
}

MapStep Step(uint16_t function, uint8_t a, uint8_t b = 0) {
  MapStep step = {};
  step.function = function;
  step.operands[0] = a;
  step.operands[1] = b;
  return step;
}

void HoldMaps(const Memory& memory, const Options& options) {
  Map gelu = Flat(memory);
  gelu.steps[gelu.step_count++] = Step(kGelu, 0);
  HoldMap("GELU", 8.0 * kElements, gelu, memory, options);
  Map add = Flat(memory);
  add.inputs[add.input_count++] = {memory.other.get(), DType::kF32, {1}};
  add.steps[add.step_count++] = Step(kAdd, 0, 1);
  HoldMap("sum of two", 12.0 * kElements, add, memory, options);
  Map rectify = Flat(memory);
  rectify.constants[rectify.constant_count++] = {DType::kF32, 0};
  rectify.steps[rectify.step_count++] = Step(kMaximum, 0, 1);
  HoldMap("ReLU", 8.0 * kElements, rectify, memory, options);
  Map biased = Flat(memory);
  biased.rank = 2;
  biased.shape[0] = kElements / 1024;
  biased.shape[1] = 1024;
  biased.inputs[0] = {memory.from.get(), DType::kF32, {1024, 1}};
  biased.inputs[biased.input_count++] = {memory.other.get(), DType::kF32, {0, 1}};
  biased.constants[biased.constant_count++] = {DType::kF32, 0};
  biased.steps[biased.step_count++] = Step(kAdd, 0, 1);
  biased.steps[biased.step_count++] = Step(kMaximum, 3, 2);
  HoldMap("bias and ReLU", 8.0 * kElements, biased, memory, options);
  // A polynomial by Horner, which is no single function.
  Map chain = Flat(memory);
  chain.constants[chain.constant_count++] = {DType::kF32, 0x3f000000};
  chain.steps[chain.step_count++] = Step(kMultiply, 0, 1);
  for (uint8_t i = 0; i < 5; ++i) {
    const auto last = static_cast<uint8_t>(1 + chain.step_count);
    const bool adds = i % 2 == 0;
    chain.steps[chain.step_count++] = adds ? Step(kAdd, last, 1) : Step(kMultiply, last, 0);
  }
  HoldMap("six steps", 8.0 * kElements, chain, memory, options);
}

}  // namespace

void HoldOperators(const Options& options) {
  const Memory memory;
  for (const int64_t length : {1024, 4096}) HoldRows(memory, length, options);
  HoldMaps(memory, options);
  Copy transpose = {};
  transpose.from = memory.from.get();
  transpose.to = memory.to.get();
  transpose.element_bytes = 4;
  transpose.rank = 2;
  transpose.shape[0] = transpose.shape[1] = 8192;
  transpose.from_stride[0] = transpose.to_stride[1] = 1;
  transpose.from_stride[1] = transpose.to_stride[0] = 8192;
  HoldBytes(
      "transpose 8192 x 8192", 8.0 * kElements, memory,
      [&] { return LaunchCopy(transpose, Stream()); }, options);
}

}  // namespace quipu::bench
