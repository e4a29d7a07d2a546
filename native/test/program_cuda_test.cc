// A tensor program on the emulated device against the portable CPU: a matrix product of odd sizes
// that broadcasts, sums, products, the first of each row; values that are no numbers among them;
// and a device that is lost at every single call.
#include <cstring>

#include "dispatch/tensor_kernels.h"
#include "program/run_cpu.h"
#include "test/check.h"
#include "test/emulated/device.h"
#include "test/program_builder.h"

namespace quipu::test {
namespace {

constexpr int64_t kBatch = 2, kRows = 130, kInner = 300, kColumns = 70, kFirst = 2;

// Numbers between -1 and 1, but for one in 32 that may be anything.
std::vector<float> Numbers(size_t count, uint64_t seed) {
  const std::vector<uint8_t> noise = Noise(count * sizeof(uint32_t), seed);
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, noise.data() + i * sizeof(bits), sizeof(bits));
    numbers[i] = bits % 32 == 0 ? F32OfBits(bits) : static_cast<int32_t>(bits) / 2147483648.0f;
  }
  return numbers;
}

constexpr int64_t kAdd = 40, kMultiply = 42;

// The kFirst greatest of each row of (input × weights + bias) × scale; the bias is doubled once.
Program Layer() {
  ProgramBuilder builder;
  const int64_t sums = kBatch * kRows * kColumns;
  const int64_t firsts = kBatch * kRows * kFirst;
  const uint32_t input = builder.Add(Place::kInput, kBatch * kRows * kInner);
  const uint32_t scale = builder.Add(Place::kInput, kBatch * kColumns);
  const uint32_t weights = builder.Add(Place::kConstant, kInner * kColumns);
  const uint32_t half = builder.Add(Place::kConstant, kColumns);
  const uint32_t bias = builder.Add(Place::kPrepared, kColumns);
  const uint32_t product = builder.Add(Place::kArena, sums);
  const uint32_t scaled = builder.Add(Place::kArena, sums);
  const uint32_t values = builder.Add(Place::kArena, firsts);
  const uint32_t indices = builder.Add(Place::kArena, firsts, DType::kI64);
  bool sound = builder.Do(Opcode::kMap, {half}, {bias}, {1, kColumns, 1, 0, 1, kAdd, 1});
  sound &= builder.Do(Opcode::kMatmul, {input, weights}, {product},
                      {kRows, kColumns, kInner, 1, kBatch, 1, 0});
  sound &= builder.Do(Opcode::kMap, {product, bias, scale}, {scaled},
                      {3, kBatch, kRows, kColumns,                              // shape
                       kRows * kColumns, kColumns, 1, 0, 0, 1, kColumns, 0, 1,  // strides
                       0, 2, kAdd | 1 << 24, kMultiply | 3 << 16 | 2 << 24, 4});
  sound &=
      builder.Do(Opcode::kTopK, {scaled}, {values, indices}, {kBatch * kRows, kColumns, kFirst, 1});
  Check(sound, "CUDA program: sound operators");
  Program program = std::move(builder.program);
  program.input_count = 2;
  program.prelude_count = 1;
  program.outputs = {scaled, values, indices};
  program.constants = AllocateAligned<uint8_t>(program.constant_bytes);
  std::memset(program.constants.get(), 0, program.constant_bytes);
  for (const uint32_t constant : {weights, half}) {
    const ProgramTensor& tensor = program.tensors[constant];
    const std::vector<float> numbers = Numbers(static_cast<size_t>(tensor.elements), constant);
    std::memcpy(program.constants.get() + tensor.offset, numbers.data(), tensor.bytes);
  }
  return program;
}

struct Buffers {
  explicit Buffers(const Program& program) {
    for (uint32_t i = 0; i < program.input_count; ++i) {
      inputs.push_back(Numbers(static_cast<size_t>(program.tensors[i].elements), 100 + i));
      run.inputs.push_back(reinterpret_cast<const uint8_t*>(inputs.back().data()));
    }
    for (const uint32_t output : program.outputs) {
      outputs.emplace_back(program.tensors[output].bytes);
    }
    for (std::vector<uint8_t>& output : outputs) run.outputs.push_back(output.data());
  }

  // Devices leave NaN as they are.
  void MakeCanonical(const Program& program, const TensorKernels& kernels) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const std::vector<uint8_t> from = outputs[i];
      DeliverOutput(program.tensors[program.outputs[i]], kernels, from.data(), outputs[i].data());
    }
  }

  std::vector<std::vector<float>> inputs;
  std::vector<std::vector<uint8_t>> outputs;
  ProgramRun run;
};

}  // namespace

void TestCudaProgram() {
  const Program program = Layer();
  const TensorKernels& portable = TensorKernelsOf(Backend::kPortable);
  Buffers want(program), got(program), again(program);
  CpuMemory memory;
  const bool ran = RunOnCpu(program, portable, want.run, &memory).ok();
  const uint8_t* prepared = memory.prepared.get();
  const int before = EmulatedAllocations();
  {
    EmulatedProgram emulated(program);
    const bool ok = emulated.Run(got.run, prepared).ok() && emulated.Run(again.run, prepared).ok();
    got.MakeCanonical(program, portable);
    again.MakeCanonical(program, portable);
    Check(ran && ok && got.outputs == want.outputs && again.outputs == want.outputs,
          "CUDA program: the bits of the portable CPU, twice");
  }
  Check(EmulatedAllocations() == before, "CUDA program: it leaves nothing on the device");
  bool lost = true, told = true;
  for (int call = 0; lost; ++call) {
    LoseEmulatedDeviceAfter(call);
    EmulatedProgram emulated(program);
    const Status status = emulated.Run(got.run, prepared);
    lost = EmulatedCalls() > call;
    told = told && status.ok() == !lost;
  }
  LoseEmulatedDeviceAfter(-1);
  Check(told, "CUDA program: a device that is lost at any call is an error");
  Check(EmulatedAllocations() == before, "CUDA program: a lost device leaves nothing behind");
}

}  // namespace quipu::test
