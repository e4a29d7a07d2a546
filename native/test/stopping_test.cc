// Operators whose work outgrows what they read ask again and again whether to go on.
#include <cstring>

#include "program/run_cpu.h"
#include "test/check.h"
#include "test/program_builder.h"

namespace quipu::test {
namespace {

// How often a run asks when everybody lets it, or when the third time is told to stop.
int64_t Asked(const Program& program, bool is_stopped, Code* code) {
  std::vector<uint8_t> input(program.tensors[0].bytes), output(program.tensors[1].bytes);
  int64_t asked = 0;
  ProgramRun run;
  run.inputs = {input.data()};
  run.outputs = {output.data()};
  run.pieces = 1;
  run.go_on = [&](uint64_t) { return ++asked < 3 || !is_stopped; };
  CpuMemory memory;
  *code = RunOnCpu(program, TensorKernelsOf(BestCpuBackend()), run, &memory).code;
  return asked;
}

void TestStops(ProgramBuilder* builder, bool sound, int64_t parts, const std::string& name) {
  builder->program.input_count = 1;
  builder->program.outputs = {1};
  Code whole, stopped;
  const bool asks = sound && Asked(builder->program, false, &whole) >= parts;
  const bool stops = sound && Asked(builder->program, true, &stopped) < parts;
  Check(asks && stops && whole == Code::kOk && stopped == Code::kCancelled,
        name + ": may be stopped before it ends");
}

// Planes of 64 × 64 under windows of 32 × 32.
void TestPoolStops(int64_t function, const std::string& name) {
  constexpr int64_t kPlanes = 16;
  ProgramBuilder builder;
  builder.Add(Place::kInput, kPlanes * 64 * 64);
  builder.Add(Place::kArena, kPlanes * 64 * 64);
  const bool sound = builder.Do(
      Opcode::kPool, {0}, {1},
      {function, kPlanes, 1, 64, 64, 1, 32, 32, 1, 64, 64, 1, 1, 1, 1, 1, 1, 0, 16, 16, 0});
  TestStops(&builder, sound, kPlanes, name);
}

// A thousand trees of a leaf each.
void TestTreesStop() {
  constexpr int64_t kRows = 4096, kTrees = 1024;
  ProgramBuilder builder;
  builder.Add(Place::kInput, kRows);
  builder.Add(Place::kArena, kRows);
  const uint32_t roots = builder.Add(Place::kConstant, kTrees, DType::kI32);
  const uint32_t nodes = builder.Add(Place::kConstant, 4, DType::kI32);
  const uint32_t weights = builder.Add(Place::kConstant, 2, DType::kI32);
  Program& program = builder.program;
  program.constants = AllocateAligned<uint8_t>(program.constant_bytes);
  std::memset(program.constants.get(), 0, program.constant_bytes);
  const int32_t leaf[] = {16, 0, 0, 1};
  std::memcpy(program.constants.get() + program.tensors[nodes].offset, leaf, sizeof(leaf));
  const bool sound = builder.Do(Opcode::kTrees, {0, roots, nodes, weights}, {1}, {kRows, 1, 1, 0});
  TestStops(&builder, sound, kRows / 512, "trees");
}

}  // namespace

void TestStopping() {
  TestPoolStops(1, "greatest of a window");
  TestPoolStops(2, "mean of a window");
  TestTreesStop();
}

}  // namespace quipu::test
