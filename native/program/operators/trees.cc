#include "program/operators/trees.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

constexpr DType kF32 = DType::kF32;
constexpr DType kI32 = DType::kI32;

// What is walked is data that the program carries, so it is looked at once, here.
Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const TreesWords w(&words);
  const bool counts = Takes(*program, *op, {kF32, kI32, kI32, kI32}, {kF32}) ||
                      Takes(*program, *op, {kF32, kI32, kI32, kI32, kF32}, {kF32});
  if (!words.Done() || !counts) return Refused("malformed trees");
  for (size_t i = 1; i < op->reads.size(); ++i) {
    if (program->Read(*op, i).place != Place::kConstant) return Refused("trees that may change");
  }
  const bool fits = ProductOf({w.row_count, w.features}) == program->Read(*op, 0).elements &&
                    ProductOf({w.row_count, w.targets}) == program->Written(*op, 0).elements &&
                    program->Read(*op, 2).elements % 4 == 0 &&
                    program->Read(*op, 3).elements % 2 == 0 &&
                    (op->reads.size() == 4 || program->Read(*op, 4).elements == w.targets);
  if (!fits) return Refused("trees that leave their tensors");
  const auto at = [program](uint32_t tensor) {
    return program->constants.get() + program->tensors[tensor].offset;
  };
  return TreesAreSound(w.Job(at, *program, *op, nullptr, nullptr)) ? Status{}
                                                                   : Refused("unsound trees");
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const TreesWords w(&words);
  if (run.program.Written(op, 0).elements == 0) return Status{};
  const auto at = [&run](uint32_t tensor) { return run.At(tensor); };
  const Trees job = w.Job(at, run.program, op, run.Read(op, 0), run.Written(op, 0));
  int64_t work = 0;
  if (__builtin_mul_overflow(w.row_count * 16, job.tree_count, &work)) work = INT64_MAX;
  run.Split(w.row_count, run.PiecesFor(work, kElementsPerPiece), 16, [&](Range mine, size_t) {
    run.InSteps(mine, work / w.row_count, kTreesBlockRowsMax,
                [&](Range rows) { RunTrees(job, rows.begin, rows.end); });
  });
  return Status{};
}

}  // namespace

const OperatorKind kTreesKind = {Opcode::kTrees, Check, nullptr, Run};

}  // namespace quipu
