#include "program/operators/convolution.h"

#include "program/operator.h"
#include "program/run_cpu.h"

namespace quipu {
namespace {

// Rows are output channels, columns are positions. Cut by positions where there are enough of them:
// each cut by channels copies the same windows once more.
Grid GridOfConvolution(int64_t channels, int64_t positions, int64_t pieces) {
  constexpr int64_t kColumnsEnough = 4 * kColumnUnit;
  if (positions >= pieces * kColumnsEnough) return Grid{1, pieces};
  return GridOf(channels, positions, pieces, kRowUnit, kColumnUnit);
}

// Small groups are computed some at a time: as many as are still in the second-level cache when
// they are done.
int64_t TogetherOf(const ConvolutionWords& w, int64_t positions) {
  constexpr int64_t kElements = int64_t{1} << 15;
  return std::clamp<int64_t>(kElements / (w.out_channels * positions), 1, w.groups);
}

Status Check(Program* program, ProgramOperator* op) {
  Words words(*op);
  const ConvolutionWords w(&words);
  if (!words.Done() || !Takes(*program, *op, {DType::kF32, DType::kF32}, {DType::kF32})) {
    return Refused("a malformed convolution");
  }
  const int64_t rows = ProductOf({w.groups, w.out_channels});
  const int64_t planes = ProductOf({w.batch, w.groups, w.in_channels});
  if (ProductOf({planes, ProductOf(w.window.in, 3)}) != program->Read(*op, 0).elements ||
      ProductOf({rows, w.in_channels, ProductOf(w.window.kernel, 3)}) !=
          program->Read(*op, 1).elements ||
      ProductOf({w.batch, rows, ProductOf(w.window.out, 3)}) != program->Written(*op, 0).elements) {
    return Refused("a convolution that leaves its tensors");
  }
  return Status{};
}

size_t ScratchBytes(const Program&, const ProgramOperator&) { return kConvolutionScratchBytes; }

// Multiply-adds.
int64_t WorkOf(const ConvolutionWords& w, int64_t elements) {
  int64_t work = 0;
  const int64_t depth = w.in_channels * VolumeOf(w.window.kernel);
  return __builtin_mul_overflow(elements, depth, &work) ? INT64_MAX : work;
}

// Of a signal: the weights, taps × output channels, as the right-hand matrix of a product. Work so
// long that it must be stopped on its way is cut by channels too, and has none.
int64_t PreparedElements(const Program& program, const ProgramOperator& op) {
  constexpr int64_t kTapsMin = 16, kChannelsMin = 16;
  Words words(op);
  const ConvolutionWords w(&words);
  const int64_t taps = w.window.kernel[2];
  const bool pays = taps >= kTapsMin && w.out_channels >= kChannelsMin && w.groups == 1 &&
                    WorkOf(w, program.Written(op, 0).elements) < kLongWork;
  const bool are_rows = WindowsAreRows(w.Job(nullptr, nullptr, nullptr));
  return pays && are_rows && Lasts(program.Read(op, 1)) ? taps * MatmulPanelsColumns(w.out_channels)
                                                        : 0;
}

bool Prepare(const CpuRun& run, const ProgramOperator& op, float* prepared) {
  Words words(op);
  const ConvolutionWords w(&words);
  const int64_t taps = w.window.kernel[2], n = w.out_channels;
  const float* rows = run.Read(op, 1);
  const auto turned = AllocateAligned<float>(static_cast<size_t>(taps * n));
  if (turned == nullptr) return false;
  for (int64_t o = 0; o < n; ++o) {
    for (int64_t t = 0; t < taps; ++t) turned[t * n + o] = rows[o * taps + t];
  }
  run.kernels.matmul_pack(Matmul{nullptr, turned.get(), nullptr, taps, n, n, 0, n, taps}, prepared);
  return true;
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  Words words(op);
  const ConvolutionWords w(&words);
  const int64_t elements = run.program.Written(op, 0).elements;
  if (elements == 0) return Status{};
  Convolution whole = w.Job(run.Read(op, 0), run.Read(op, 1), run.Written(op, 0));
  const int64_t depth = DepthOf(whole);
  const int64_t positions = whole.end;
  const int64_t work = WorkOf(w, elements);
  const int64_t pieces = run.PiecesFor(work, kFusedPerPiece);
  whole.panels = {run.Prepared(op), MatmulPanelsColumns(w.out_channels), 0};
  const bool are_rows = whole.panels.data != nullptr;
  const int64_t products = w.batch * w.groups;
  Grid grid = products >= pieces ? Grid{} : GridOfConvolution(w.out_channels, positions, pieces);
  if (are_rows) grid = Grid{1, grid.rows * grid.columns};
  const int64_t tiles = grid.rows * grid.columns;
  const int64_t together = tiles == 1 ? TogetherOf(w, positions) : 1;
  run.Split(products * tiles, std::min(pieces, products * tiles), 1, [&](Range mine, size_t piece) {
    int64_t count = 1;
    for (int64_t t = mine.begin; t < mine.end; t += count) {
      const int64_t product = t / tiles;
      count = std::min({together, mine.end - t, w.groups - product % w.groups});
      const Range i = PartOf(w.out_channels, grid.rows, t % tiles / grid.columns, kRowUnit);
      const Range j = PartOf(positions, grid.columns, t % grid.columns, kColumnUnit);
      const bool are_small = count == 1 && !are_rows && (run.has_epilogue() || work >= kLongWork);
      Tiles(i, j, are_small, [&](Range rows, Range columns) {
        if (run.Stopped()) return;
        const int64_t at = (product * w.out_channels + rows.begin) * positions;
        Convolution job = whole;
        job.x += product * w.in_channels * VolumeOf(w.window.in);
        job.w += (product % w.groups * w.out_channels + rows.begin) * depth;
        job.y += at;
        job.out_channels = rows.end - rows.begin;
        job.begin = columns.begin;
        job.end = columns.end;
        job.groups = count;
        run.kernels.convolution(job, run.Scratch<float>(piece));
        if (!run.has_epilogue()) return;
        run.Finish(
            MapPart{at + columns.begin, at + columns.end, count * job.out_channels - 1, positions},
            piece);
      });
    }
  });
  return Status{};
}

}  // namespace

const OperatorKind kConvolutionKind = {Opcode::kConvolution, Check,  ScratchBytes, Run,
                                       PreparedElements,     Prepare};

}  // namespace quipu
