#include "program/operators/pool.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const PoolWords w(&words);
  const bool counts = w.has_indices()
                          ? Takes(*program, *op, {DType::kF32}, {DType::kF32, DType::kI64})
                          : Takes(*program, *op, {DType::kF32}, {DType::kF32});
  if (!words.Done() || !counts || ProductOf(w.window.kernel, 3) < 0) {
    return Refused("a malformed pooling");
  }
  bool fits = ProductOf({w.planes, ProductOf(w.window.in, 3)}) == program->Read(*op, 0).elements;
  const int64_t results = ProductOf({w.planes, ProductOf(w.window.out, 3)});
  for (size_t i = 0; i < op->writes.size(); ++i) {
    fits = fits && program->Written(*op, i).elements == results;
  }
  return fits ? Status{} : Refused("a pooling that leaves its tensors");
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const PoolWords w(&words);
  const int64_t elements = run.program.Written(op, 0).elements;
  if (elements == 0) return Status{};
  int64_t work = 0;
  const int64_t taps = VolumeOf(w.window.kernel);
  if (__builtin_mul_overflow(elements, taps, &work)) work = INT64_MAX;
  const int64_t pieces = std::min(run.PiecesFor(work, kElementsPerPiece), w.planes);
  run.Split(w.planes, pieces, 1, [&](Range mine, size_t) {
    run.InSteps(mine, work / w.planes, 1, [&](Range planes) {
      if (w.is_mean()) {
        AveragePool job = w.Mean(run.Read(op, 0), run.Written(op, 0));
        job.begin = planes.begin;
        job.end = planes.end;
        return run.kernels.average_pool(job);
      }
      int64_t* indices = w.has_indices() ? run.Written<int64_t>(op, 1) : nullptr;
      MaxPool job = w.Greatest(run.Read(op, 0), run.Written(op, 0), indices);
      job.begin = planes.begin;
      job.end = planes.end;
      run.kernels.max_pool(job);
    });
  });
  return Status{};
}

}  // namespace

const OperatorKind kPoolKind = {Opcode::kPool, Check, nullptr, Run};

}  // namespace quipu
