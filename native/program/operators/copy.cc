#include "program/operators/copy.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const CopyFill fill(&words);
  if (op->writes.size() != 1) return Refused("a malformed copy");
  const ProgramTensor& to = program->Written(*op, 0);
  int64_t covered = 0;
  for (size_t i = 0; i < op->reads.size(); ++i) {
    const CopyPart part(&words);
    const ProgramTensor& from = program->Read(*op, i);
    const int64_t elements = ProductOf(part.shape, part.rank);
    if (words.failed() || elements < 0 || DTypeBytes(from.dtype) != DTypeBytes(to.dtype)) {
      return Refused("a malformed copy");
    }
    if (!ViewFits(part.from_offset, part.shape, part.from_stride, part.rank, from.elements) ||
        !ViewFits(part.to_offset, part.shape, part.to_stride, part.rank, to.elements)) {
      return Refused("a copy that leaves its tensors");
    }
    // Pieces of a part run at once, so which of two elements stayed would be left to chance. Parts
    // follow each other.
    if (!ViewIsOneToOne(part.shape, part.to_stride, part.rank)) {
      return Refused("a copy that writes one place twice");
    }
    covered += elements;  // at most kOperandsMax · kSizeMax
  }
  if (!words.Done()) return Refused("a malformed copy");
  if (!fill.is_asked && covered != to.elements) {
    return Refused("a copy that does not fill what it writes");
  }
  return Status{};
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const CopyFill fill(&words);
  const ProgramTensor& to = run.program.Written(op, 0);
  auto* const written = run.Written<uint8_t>(op, 0);
  const auto size = static_cast<int64_t>(DTypeBytes(to.dtype));
  if (fill.is_asked) {
    run.Split(to.elements, run.PiecesFor(to.elements, kElementsPerPiece), 64,
              [&](Range mine, size_t) {
                FillElements(written + mine.begin * size, static_cast<int32_t>(size), fill.bits,
                             mine.end - mine.begin);
              });
  }
  for (size_t i = 0; i < op.reads.size(); ++i) {
    const Copy job = CopyPart(&words).Job(run.Read<uint8_t>(op, i), written, size);
    const int64_t count = CopyCount(job);
    // Where the last axes are moved whole, pieces end where they do.
    const int64_t unit = job.shape[job.rank - 1];
    run.Split(count, run.PiecesFor(count, kElementsPerPiece), std::max<int64_t>(unit, 1),
              [&](Range mine, size_t) { CopyElements(job, mine.begin, mine.end); });
  }
  return Status{};
}

}  // namespace

const OperatorKind kCopyKind = {Opcode::kCopy, Check, nullptr, Run};

}  // namespace quipu
