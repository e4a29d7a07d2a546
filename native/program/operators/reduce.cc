#include "program/operators/reduce.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

bool IsPlace(ReduceFunction function) { return function >= ReduceFunction::kMaximumFirst; }

bool IsKnown(ReduceFunction function, DType from, DType to) {
  if (IsPlace(function)) return from == DType::kF32 && to == DType::kI64;
  const bool summable = from == DType::kF32 || from == DType::kI64 || from == DType::kI32;
  return function <= ReduceFunction::kSumOfSquares && summable && from == to;
}

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const ReduceWords w(&words);
  if (!words.Done() || !Takes(*program, *op, {DType{}}, {DType{}})) {
    return Refused("a malformed reduction");
  }
  const ProgramTensor& from = program->Read(*op, 0);
  const ProgramTensor& to = program->Written(*op, 0);
  if (!IsKnown(w.function, from.dtype, to.dtype)) return Refused("a reduction of unknown type");
  const int64_t results = ProductOf({w.outer, w.inner});
  if (results != to.elements || ProductOf({w.outer, w.length, w.inner}) != from.elements) {
    return Refused("a reduction that leaves its tensors");
  }
  if (IsPlace(w.function) && results > 0 && (w.length < 1 || w.length > kPlaceLengthMax)) {
    return Refused("the place of an extreme among none or too many");
  }
  return Status{};
}

// Over whole rows where there are enough of them, else over the columns of each.
Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const ReduceWords w(&words);
  const ProgramTensor& from = run.program.Read(op, 0);
  const ProgramTensor& to = run.program.Written(op, 0);
  if (to.elements == 0) return Status{};
  const auto size_from = static_cast<int64_t>(DTypeBytes(from.dtype));
  const auto size_to = static_cast<int64_t>(DTypeBytes(to.dtype));
  const int64_t pieces = run.PiecesFor(from.elements, kElementsPerPiece);
  const bool by_rows = w.outer >= pieces || w.inner == 1;
  run.Split(by_rows ? w.outer : w.inner, pieces, by_rows ? 1 : 64, [&](Range mine, size_t) {
    const int64_t skipped = by_rows ? mine.begin * w.length * w.inner : mine.begin;
    const int64_t done = by_rows ? mine.begin * w.inner : mine.begin;
    Reduce job = w.Job(run.Read<uint8_t>(op, 0) + skipped * size_from,
                       run.Written<uint8_t>(op, 0) + done * size_to);
    (by_rows ? job.outer : job.inner) = mine.end - mine.begin;
    run.kernels.reduce(job, w.function, from.dtype);
  });
  return Status{};
}

}  // namespace

const OperatorKind kReduceKind = {Opcode::kReduce, Check, nullptr, Run};

}  // namespace quipu
