// libFuzzer harness of the program decoder: whatever bytes it is given, it refuses them or it has a
// program that runs within its memory. Built by `npm run test:fuzz`, with sanitizers.
#include <cstring>
#include <vector>

#include "dispatch/tensor_kernels.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

// So little that no run takes long: the dearest operator multiplies all by all.
constexpr uint64_t kMemoryBytesMax = 16 << 10;

// Indices and conditions are most interesting near zero.
std::vector<std::vector<uint8_t>> Inputs(const Program& program) {
  std::vector<std::vector<uint8_t>> inputs;
  for (uint32_t i = 0; i < program.input_count; ++i) {
    const ProgramTensor& tensor = program.tensors[i];
    std::vector<uint8_t> bytes(tensor.bytes);
    const size_t size = DTypeBytes(tensor.dtype);
    for (size_t at = 0; at < bytes.size(); at += size) bytes[at] = (at / size) % 3;
    inputs.push_back(std::move(bytes));
  }
  return inputs;
}

void RunOne(const Program& program, Backend backend, size_t pieces) {
  const std::vector<std::vector<uint8_t>> inputs = Inputs(program);
  std::vector<std::vector<uint8_t>> outputs;
  for (const uint32_t tensor : program.outputs) outputs.emplace_back(program.tensors[tensor].bytes);
  ProgramRun run;
  for (const auto& input : inputs) run.inputs.push_back(input.data());
  for (auto& output : outputs) run.outputs.push_back(output.data());
  run.pieces = pieces;
  CpuMemory memory;
  (void)RunOnCpu(program, TensorKernelsOf(backend), run, &memory);
}

}  // namespace
}  // namespace quipu

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  quipu::Program program;
  const quipu::ByteView bytes{data, size};
  if (!quipu::DecodeProgram(bytes, quipu::kMemoryBytesMax, &program).ok()) return 0;
  quipu::RunOne(program, quipu::Backend::kPortable, 1);
  quipu::RunOne(program, quipu::BestCpuBackend(), 3);
  return 0;
}
