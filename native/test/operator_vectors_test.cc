// The golden vectors of operators as programs of one operator, on the emulated device. On the
// processor's backends the same files are held by test/vectors.test.ts.
#include <cstring>

#include "test/check.h"
#include "test/emulated/device.h"
#include "test/golden.h"
#include "test/program_builder.h"

namespace quipu::test {
namespace {

// False where the operator is refused. An ensemble of trees is a constant.
bool Build(const OperatorVector& vector, Program* program) {
  ProgramBuilder builder;
  std::vector<uint32_t> reads, writes;
  for (const GoldenOperand& input : vector.inputs) {
    const bool constant = vector.opcode == Opcode::kTrees && !reads.empty();
    const Place place = constant ? Place::kConstant : Place::kInput;
    reads.push_back(builder.Add(place, input.elements(), input.dtype));
    if (!constant) ++builder.program.input_count;
  }
  for (const GoldenOperand& output : vector.outputs) {
    writes.push_back(builder.Add(Place::kArena, output.elements(), output.dtype));
  }
  builder.program.outputs = writes;
  builder.program.constants = AllocateAligned<uint8_t>(builder.program.constant_bytes);
  for (size_t i = builder.program.input_count; i < reads.size(); ++i) {
    const std::vector<uint8_t>& bytes = vector.inputs[i].bytes;
    const uint64_t offset = builder.program.tensors[reads[i]].offset;
    if (!bytes.empty()) {
      std::memcpy(builder.program.constants.get() + offset, bytes.data(), bytes.size());
    }
  }
  const bool sound = builder.Do(vector.opcode, reads, writes, vector.words);
  *program = std::move(builder.program);
  return sound;
}

using Results = std::vector<std::vector<uint8_t>>;

Status RunEmulated(const OperatorVector& vector, Results* results) {
  Program program;
  if (!Build(vector, &program)) return Refused("an unsound operator");
  ProgramRun run;
  for (uint32_t i = 0; i < program.input_count; ++i) {
    run.inputs.push_back(vector.inputs[i].bytes.data());
  }
  for (const GoldenOperand& output : vector.outputs) results->emplace_back(output.bytes.size());
  for (std::vector<uint8_t>& result : *results) run.outputs.push_back(result.data());
  EmulatedProgram emulated(program);
  if (Status s = emulated.Run(run, nullptr); !s.ok()) return s;
  for (size_t i = 0; i < results->size(); ++i) {
    // Devices leave NaN as they are.
    const std::vector<uint8_t> from = (*results)[i];
    DeliverOutput(program.tensors[program.outputs[i]], TensorKernelsOf(Backend::kPortable),
                  from.data(), (*results)[i].data());
  }
  return Status{};
}

bool IsHeld(const OperatorVector& vector) {
  Results results;
  if (!RunEmulated(vector, &results).ok()) return false;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i] != vector.outputs[i].bytes) return false;
  }
  return true;
}

// One of five elements.
Status Gather(uint8_t index) {
  std::vector<uint8_t> indices(sizeof(int64_t));
  indices[0] = index;
  const OperatorVector vector = {"",
                                 Opcode::kGather,
                                 {1, 5, 1, 1},
                                 {{DType::kF32, std::vector<uint8_t>(20)}, {DType::kI64, indices}},
                                 {{DType::kF32, std::vector<uint8_t>(4)}}};
  Results results;
  return RunEmulated(vector, &results);
}

}  // namespace

void TestOperatorVectors() {
  for (const char* file : {"map", "reduce", "scan", "softmax", "normalise", "convolution", "pool",
                           "copy", "gather", "scatter", "trees"}) {
    const std::vector<OperatorVector> vectors = ReadOperatorVectors(file);
    const std::string what = std::string("operator vectors, ") + file;
    if (vectors.empty()) Skip(what, "no such file here");
    for (const OperatorVector& vector : vectors) Check(IsHeld(vector), what + ": " + vector.name);
  }
  Check(Gather(4).ok(), "operator vectors: an index of the last element");
  Check(Gather(5).code == Code::kDataInvalid, "operator vectors: an index behind it");
}

}  // namespace quipu::test
