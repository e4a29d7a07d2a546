#include "program/operators/topk.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const TopKWords w(&words);
  if (!words.Done() || !Takes(*program, *op, {DType::kF32}, {DType::kF32, DType::kI64})) {
    return Refused("a malformed top-k");
  }
  if (w.k > w.length || w.length > kTopKLengthMax) return Refused("a top-k of too many elements");
  const int64_t results = ProductOf({w.rows, w.k});
  if (ProductOf({w.rows, w.length}) != program->Read(*op, 0).elements ||
      results != program->Written(*op, 0).elements ||
      results != program->Written(*op, 1).elements) {
    return Refused("a top-k that leaves its tensors");
  }
  return Status{};
}

// Twice what a row takes. A piece touches its own only when it has a row.
size_t ScratchBytes(const Program& program, const ProgramOperator& op) {
  if (program.Written(op, 0).elements == 0) return 0;
  Words words(op);
  return static_cast<size_t>(TopKWords(&words).length) * sizeof(uint64_t);
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const TopKWords w(&words);
  if (run.program.Written(op, 0).elements == 0) return Status{};
  const int64_t pieces = std::min(run.PiecesFor(w.rows * w.length, kElementsPerPiece), w.rows);
  run.Split(w.rows, pieces, 1, [&](Range mine, size_t piece) {
    const TopK job{run.Read(op, 0) + mine.begin * w.length,
                   run.Written(op, 0) + mine.begin * w.k,
                   run.Written<int64_t>(op, 1) + mine.begin * w.k,
                   mine.end - mine.begin,
                   w.length,
                   w.k,
                   w.largest};
    run.kernels.topk(job, run.Scratch<uint64_t>(piece));
  });
  return Status{};
}

}  // namespace

const OperatorKind kTopKKind = {Opcode::kTopK, Check, ScratchBytes, Run};

}  // namespace quipu
