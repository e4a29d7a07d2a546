#include "program/operators/scatter.h"

#include <cstring>

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

bool IsScatter(const Program& program, const ProgramOperator& op, ScatterFunction function) {
  const DType dtype = program.Read(op, 0).dtype;
  return Takes(program, op, {dtype, DType{}, dtype}, {dtype}) && HasIndices(program, op) &&
         ScatterIsKnown(function, dtype) &&
         program.Read(op, 0).elements == program.Written(op, 0).elements;
}

Status CheckElements(Program* program, ProgramOperator* op) {
  if (op->reads.size() != 3) return Refused("a malformed scatter");
  Words words(*op);
  const ScatterElementsWords w(&words);
  if (!words.Done() || !IsScatter(*program, *op, w.function)) {
    return Refused("a malformed scatter");
  }
  const bool fits = w.shapes.AreSound() &&
                    w.shapes.DataElements() == program->Read(*op, 0).elements &&
                    w.shapes.IndexElements() == program->Read(*op, 1).elements &&
                    w.shapes.IndexElements() == program->Read(*op, 2).elements;
  return fits ? Status{} : Refused("a scatter that leaves its tensors");
}

Status CheckNd(Program* program, ProgramOperator* op) {
  if (op->reads.size() != 3) return Refused("a malformed scatter");
  Words words(*op);
  const ScatterNdWords w(&words);
  if (!words.Done() || !IsScatter(*program, *op, w.function)) {
    return Refused("a malformed scatter");
  }
  const bool fits =
      ProductOf({ProductOf(w.dims, w.depth), w.inner}) == program->Read(*op, 0).elements &&
      ProductOf({w.tuples, w.depth}) == program->Read(*op, 1).elements &&
      ProductOf({w.tuples, w.inner}) == program->Read(*op, 2).elements;
  return fits ? Status{} : Refused("a scatter that leaves its tensors");
}

template <class OperatorWords>
Status Run(const CpuRun& run, const ProgramOperator& op) {
  const ProgramTensor& data = run.program.Read(op, 0);
  if (data.elements == 0) return Status{};
  std::memcpy(run.Written<uint8_t>(op, 0), run.Read<uint8_t>(op, 0), data.bytes);
  Words words(op);
  const OperatorWords w(&words);
  BadIndex bad;
  const IndexOperands operands(run, run.program, op);
  if (Scatter(w.Job(operands, run.Read<uint8_t>(op, 2), data.dtype), &bad)) return Status{};
  return BadIndexError(bad);
}

}  // namespace

const OperatorKind kScatterElementsKind = {Opcode::kScatterElements, CheckElements, nullptr,
                                           Run<ScatterElementsWords>};
const OperatorKind kScatterNdKind = {Opcode::kScatterNd, CheckNd, nullptr, Run<ScatterNdWords>};

}  // namespace quipu
