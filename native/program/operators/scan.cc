#include "program/operators/scan.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const ScanWords w(&words);
  if (!words.Done() || !Takes(*program, *op, {DType{}}, {DType{}})) {
    return Refused("a malformed scan");
  }
  const ProgramTensor& from = program->Read(*op, 0);
  const ProgramTensor& to = program->Written(*op, 0);
  const DType dtype = from.dtype;
  const bool known = dtype == DType::kF32 || dtype == DType::kI64 || dtype == DType::kI32;
  if (!known || to.dtype != dtype) return Refused("a scan of unknown type");
  const int64_t elements = ProductOf({w.outer, w.length, w.inner});
  if (elements != from.elements || elements != to.elements) {
    return Refused("a scan that leaves its tensors");
  }
  return Status{};
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const ScanWords w(&words);
  const ProgramTensor& from = run.program.Read(op, 0);
  if (from.elements == 0) return Status{};
  const auto size = static_cast<int64_t>(DTypeBytes(from.dtype));
  const int64_t pieces = run.PiecesFor(from.elements, kElementsPerPiece);
  run.Split(w.outer, pieces, 1, [&](Range mine, size_t) {
    const int64_t skipped = mine.begin * w.length * w.inner * size;
    Scan job = w.Job(run.Read<uint8_t>(op, 0) + skipped, run.Written<uint8_t>(op, 0) + skipped);
    job.outer = mine.end - mine.begin;
    run.kernels.scan(job, from.dtype);
  });
  return Status{};
}

}  // namespace

const OperatorKind kScanKind = {Opcode::kScan, Check, nullptr, Run};

}  // namespace quipu
