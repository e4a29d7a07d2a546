#include "program/operators/softmax.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const SoftmaxWords w(&words);
  if (!words.Done() || !Takes(*program, *op, {DType::kF32}, {DType::kF32})) {
    return Refused("a malformed softmax");
  }
  const int64_t elements = ProductOf({w.rows, w.length});
  const bool fits =
      elements == program->Read(*op, 0).elements && elements == program->Written(*op, 0).elements;
  return fits ? Status{} : Refused("a softmax that leaves its tensors");
}

size_t ScratchBytes(const Program&, const ProgramOperator&) { return kSoftmaxScratchBytes; }

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const SoftmaxWords w(&words);
  const ProgramTensor& to = run.program.Written(op, 0);
  if (to.elements == 0) return Status{};
  // An exponential is worth several elements.
  const int64_t pieces = run.PiecesFor(to.elements * 4, kElementsPerPiece);
  run.Split(w.rows, pieces, 1, [&](Range mine, size_t piece) {
    const int64_t skipped = mine.begin * w.length;
    Softmax job = w.Job(run.Read(op, 0) + skipped, run.Written(op, 0) + skipped);
    job.rows = mine.end - mine.begin;
    job.stream = IsStreamed(to.bytes);
    run.kernels.softmax(job, run.Scratch<float>(piece));
  });
  return Status{};
}

}  // namespace

const OperatorKind kSoftmaxKind = {Opcode::kSoftmax, Check, ScratchBytes, Run};

}  // namespace quipu
