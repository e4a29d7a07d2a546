#include "program/operators/normalise.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

constexpr DType kF32 = DType::kF32;

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const NormaliseWords w(&words);
  const bool counts = w.mode == 0 ? Takes(*program, *op, {kF32}, {kF32, kF32, kF32})
                                  : Takes(*program, *op, {kF32, kF32, kF32}, {kF32, kF32, kF32});
  if (!words.Done() || !counts) return Refused("a malformed normalisation");
  const int64_t elements = ProductOf({w.rows, w.length});
  bool fits =
      elements == program->Read(*op, 0).elements && elements == program->Written(*op, 0).elements &&
      w.rows == program->Written(*op, 1).elements && w.rows == program->Written(*op, 2).elements;
  const int64_t affine = w.mode == 1 ? w.length : w.channels;
  for (size_t i = 1; i < op->reads.size(); ++i) {
    fits = fits && program->Read(*op, i).elements == affine && (w.mode == 1 || affine > 0);
  }
  return fits ? Status{} : Refused("a normalisation that leaves its tensors");
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const NormaliseWords w(&words);
  if (w.rows == 0) return Status{};
  const bool affine = w.mode != 0;
  const int64_t elements = run.program.Read(op, 0).elements;
  const int64_t pieces = run.PiecesFor(elements * 2, kElementsPerPiece);
  run.Split(w.rows, pieces, 1, [&](Range mine, size_t) {
    const int64_t skipped = mine.begin * w.length;
    Normalise job = w.Job(run.Read(op, 0) + skipped, affine ? run.Read(op, 1) : nullptr,
                          affine ? run.Read(op, 2) : nullptr, run.Written(op, 0) + skipped,
                          run.Written(op, 1) + mine.begin, run.Written(op, 2) + mine.begin);
    job.first_row = mine.begin;
    job.rows = mine.end - mine.begin;
    job.stream = IsStreamed(run.program.Written(op, 0).bytes);
    run.kernels.normalise(job);
  });
  return Status{};
}

}  // namespace

const OperatorKind kNormaliseKind = {Opcode::kNormalise, Check, nullptr, Run};

}  // namespace quipu
