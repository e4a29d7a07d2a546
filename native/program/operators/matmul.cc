#include "program/operators/matmul.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

// Whether the operand has all the matrices, of so many elements, that the view names. It has any
// number of empty ones.
bool OperandFits(const MatmulWords& w, const int64_t* stride, int64_t elements, int64_t matrix) {
  if (matrix < 0) return false;
  return ViewFits(0, w.shape, stride, w.rank, matrix == 0 ? kSizeMax : elements / matrix);
}

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const MatmulWords w(&words);
  if (!words.Done() || !Takes(*program, *op, {DType::kF32, DType::kF32}, {DType::kF32})) {
    return Refused("a malformed matmul");
  }
  const int64_t matrices = ProductOf(w.shape, w.rank);
  const int64_t c = ProductOf({matrices, ProductOf({w.m, w.n})});
  if (c < 0 || c != program->Written(*op, 0).elements ||
      !OperandFits(w, w.a_stride, program->Read(*op, 0).elements, ProductOf({w.m, w.k})) ||
      !OperandFits(w, w.b_stride, program->Read(*op, 1).elements, ProductOf({w.k, w.n}))) {
    return Refused("a matmul that leaves its tensors");
  }
  return Status{};
}

size_t ScratchBytes(const Program&, const ProgramOperator&) { return kMatmulScratchBytes; }

int64_t PreparedElements(const Program& program, const ProgramOperator& op) {
  Words words(op);
  const MatmulWords w(&words);
  const ProgramTensor& b = program.Read(op, 1);
  const int64_t columns = MatmulPanelsColumns(w.n);
  const bool pays = w.m >= kMatmulPackRowsMin && w.m <= kMatmulPackRowsMax && columns <= 2 * w.n;
  return pays && Lasts(b) && b.elements == w.k * w.n ? w.k * columns : 0;
}

bool Prepare(const CpuRun& run, const ProgramOperator& op, float* prepared) {
  Words words(op);
  const MatmulWords w(&words);
  const Matmul job{nullptr, run.Read(op, 1), nullptr, w.k, w.n, w.n, w.m, w.n, w.k};
  run.kernels.matmul_pack(job, prepared);
  return true;
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  const int64_t elements = run.program.Written(op, 0).elements;
  if (elements == 0) return Status{};
  Words words(op);
  const MatmulWords w(&words);
  const float* a = run.Read(op, 0);
  const float* b = run.Read(op, 1);
  float* c = run.Written(op, 0);
  const int64_t matrices = elements / (w.m * w.n);
  // Only its size class matters: a product that does not fit is cut off.
  int64_t work = 0;
  if (__builtin_mul_overflow(elements, w.k, &work)) work = INT64_MAX;
  const int64_t pieces = run.PiecesFor(work, kFusedPerPiece);
  const Grid grid = matrices >= pieces ? Grid{} : GridOf(w.m, w.n, pieces, kRowUnit, kColumnUnit);
  const int64_t tiles = grid.rows * grid.columns;
  run.Split(matrices * tiles, std::min(pieces, matrices * tiles), 1, [&](Range mine, size_t piece) {
    for (int64_t t = mine.begin; t < mine.end; ++t) {
      int64_t a_at = 0;
      int64_t b_at = 0;
      w.Locate(t / tiles, &a_at, &b_at);
      const Range i = PartOf(w.m, grid.rows, t % tiles / grid.columns, kRowUnit);
      const Range j = PartOf(w.n, grid.columns, t % grid.columns, kColumnUnit);
      Tiles(i, j, run.has_epilogue() || work >= kLongWork, [&](Range rows, Range columns) {
        if (run.Stopped()) return;
        const int64_t at = t / tiles * w.m * w.n + rows.begin * w.n + columns.begin;
        const int64_t width = columns.end - columns.begin;
        const Matmul job{a + a_at * w.m * w.k + rows.begin * w.k,
                         b + b_at * w.k * w.n + columns.begin,
                         c + at,
                         w.k,
                         w.n,
                         w.n,
                         rows.end - rows.begin,
                         width,
                         w.k,
                         {run.Prepared(op), MatmulPanelsColumns(w.n), columns.begin}};
        run.kernels.matmul(job, run.Scratch<float>(piece));
        if (run.has_epilogue()) run.Finish(MapPart{at, at + width, job.m - 1, w.n}, piece);
      });
    }
  });
  return Status{};
}

}  // namespace

const OperatorKind kMatmulKind = {Opcode::kMatmul,  Check,  ScratchBytes, Run,
                                  PreparedElements, Prepare};

}  // namespace quipu
