#include "program/operators/gather.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

bool IsGather(const Program& program, const ProgramOperator& op) {
  return Takes(program, op, {DType{}, DType{}}, {program.Read(op, 0).dtype}) &&
         HasIndices(program, op);
}

Status Leaves() { return Refused("a gather that leaves its tensors"); }

Status CheckAxis(Program* program, ProgramOperator* op) {
  if (op->reads.size() != 2) return Refused("a malformed gather");
  Words words(*op);
  const GatherWords w(&words);
  if (!words.Done() || !IsGather(*program, *op)) return Refused("a malformed gather");
  const bool fits = ProductOf({w.outer, w.axis, w.inner}) == program->Read(*op, 0).elements &&
                    w.count == program->Read(*op, 1).elements &&
                    ProductOf({w.outer, w.count, w.inner}) == program->Written(*op, 0).elements;
  return fits ? Status{} : Leaves();
}

Status CheckElements(Program* program, ProgramOperator* op) {
  if (op->reads.size() != 2) return Refused("a malformed gather");
  Words words(*op);
  const GatherElementsWords w(&words);
  if (!words.Done() || !IsGather(*program, *op)) return Refused("a malformed gather");
  const bool fits = w.shapes.AreSound() &&
                    w.shapes.DataElements() == program->Read(*op, 0).elements &&
                    w.shapes.IndexElements() == program->Read(*op, 1).elements &&
                    w.shapes.IndexElements() == program->Written(*op, 0).elements;
  return fits ? Status{} : Leaves();
}

Status CheckNd(Program* program, ProgramOperator* op) {
  if (op->reads.size() != 2) return Refused("a malformed gather");
  Words words(*op);
  const GatherNdWords w(&words);
  if (!words.Done() || !IsGather(*program, *op)) return Refused("a malformed gather");
  const int64_t slices = ProductOf(w.dims, w.depth);
  const bool fits = ProductOf({w.batch, slices, w.inner}) == program->Read(*op, 0).elements &&
                    ProductOf({w.batch, w.tuples, w.depth}) == program->Read(*op, 1).elements &&
                    ProductOf({w.batch, w.tuples, w.inner}) == program->Written(*op, 0).elements;
  return fits ? Status{} : Leaves();
}

// Of all pieces the bad index at the least position is told, whichever piece came upon it first.
template <class Job>
Status Run(const CpuRun& run, const ProgramOperator& op, const Job& job, int64_t count) {
  const int64_t elements = run.program.Written(op, 0).elements;
  if (elements == 0) return Status{};
  const int64_t pieces = run.PiecesFor(elements, kElementsPerPiece);
  std::vector<BadIndex> bad(static_cast<size_t>(pieces), BadIndex{INT64_MAX, 0, 0});
  run.Split(count, pieces, 1,
            [&](Range mine, size_t piece) { Gather(job, mine.begin, mine.end, &bad[piece]); });
  const auto& first = *std::min_element(bad.begin(), bad.end(),
                                        [](auto& a, auto& b) { return a.position < b.position; });
  return first.position == INT64_MAX ? Status{} : BadIndexError(first);
}

Status RunAxis(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const GatherWords w(&words);
  return Run(run, op, w.Job(IndexOperands(run, run.program, op)), w.outer * w.count);
}

Status RunElements(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const GatherElementsWords w(&words);
  const auto job = w.Job(IndexOperands(run, run.program, op));
  return Run(run, op, job, w.shapes.IndexElements());
}

Status RunNd(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const GatherNdWords w(&words);
  return Run(run, op, w.Job(IndexOperands(run, run.program, op)), w.batch * w.tuples);
}

}  // namespace

const OperatorKind kGatherKind = {Opcode::kGather, CheckAxis, nullptr, RunAxis};
const OperatorKind kGatherElementsKind = {Opcode::kGatherElements, CheckElements, nullptr,
                                          RunElements};
const OperatorKind kGatherNdKind = {Opcode::kGatherNd, CheckNd, nullptr, RunNd};

}  // namespace quipu
