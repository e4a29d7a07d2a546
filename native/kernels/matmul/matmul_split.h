// Which tiles a product is cut into on a CUDA device, and products with too few of them for all its
// processors: then every block of the dot product is a product of its own, and their sums are added
// in order by a second kernel. Include only from .cu files.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_SPLIT_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_SPLIT_H_

#include "kernels/matmul/matmul_tile.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

struct TilePlan {
  int thread_rows;
  int64_t parts;  // of k; more than one are all its blocks
};

// Blocks of k whose sums may be kept, one after another; else 1.
inline int64_t PartsAllowed(const Matmul& shape, int64_t matrices) {
  constexpr int64_t kSumsMax = int64_t{1} << 26;
  const int64_t blocks = (shape.k + kDotBlock - 1) / kDotBlock;
  const int64_t outputs = matrices * shape.m * shape.n;
  return blocks > 1 && blocks <= kSumsMax / (outputs + 1) ? blocks : 1;
}

// Large tiles read least, small ones keep more processors busy. Rows that are not read in quads
// have tiles of one height only.
inline TilePlan PlanTiles(const Matmul& shape, int64_t matrices, bool in_quads, bool may_split) {
  const int64_t processors = DeviceProcessors();
  TilePlan plan = {in_quads ? 16 : 8, 1};
  for (;; plan.thread_rows /= 2) {
    const int64_t rows = 8 * plan.thread_rows;
    const int64_t tiles =
        (shape.m + rows - 1) / rows * ((shape.n + kTileColumns - 1) / kTileColumns) * matrices;
    const int64_t at_once = processors * TilesAtOnce(plan.thread_rows);
    const int64_t waves = (tiles + at_once - 1) / at_once;
    const bool fills = tiles * 5 >= waves * at_once * 4;
    plan.parts = may_split && !fills && waves < 4 ? PartsAllowed(shape, matrices) : 1;
    const bool wasteful = shape.m <= rows / 2;
    const bool is_least = !in_quads || plan.thread_rows == 4;
    if (is_least || (!wasteful && tiles * plan.parts >= processors)) return plan;
  }
}

// However the rows will lie.
inline int64_t TileScratchFloats(const Matmul& shape, int64_t matrices) {
  if (shape.m == 0 || shape.n == 0 || matrices == 0) return 0;
  const bool splits = PlanTiles(shape, matrices, true, true).parts > 1 ||
                      PlanTiles(shape, matrices, false, true).parts > 1;
  return splits ? PartsAllowed(shape, matrices) * matrices * shape.m * shape.n : 0;
}

// Of `count` outputs, with the sums of their parts.
template <class Problem>
__global__ void __launch_bounds__(kGridThreads)
    AddPartsKernel(Problem problem, Parts parts, int64_t m, int64_t n, int64_t count) {
  for (int64_t i = GridFirst(); i < count; i += GridStride()) {
    const int64_t row = i / n;
    const int64_t matrix = row / m;
    const float* from = parts.sums + (row + matrix * (parts.count - 1) * m) * n + i % n;
    float total = from[0];
    for (int64_t part = 1; part < parts.count; ++part) total += from[part * m * n];
    const Matmul job = problem.Of(matrix);
    job.c[row % m * job.c_stride + problem.Place(i % n)] = total;
  }
}

template <int kThreadRows, class Problem>
cudaError_t LaunchTiles(const Problem& problem, const Parts& parts, const Matmul& shape,
                        int64_t matrices, cudaStream_t stream) {
  constexpr int64_t kRows = StepBuffer<kThreadRows>::kRows;
  const int64_t column_tiles = (shape.n + kTileColumns - 1) / kTileColumns;
  const int64_t tiles = (shape.m + kRows - 1) / kRows * column_tiles;
  if (tiles > INT32_MAX / matrices / parts.count) return cudaErrorInvalidConfiguration;
  constexpr auto kKernel = MatmulTileKernel<kThreadRows, Problem>;
  const int totals_bytes = parts.count == 1 && shape.k > kDotBlock ? kTotalsBytes<kThreadRows> : 0;
  if (totals_bytes > 0) {
    const cudaError_t error =
        cudaFuncSetAttribute(kKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, totals_bytes);
    if (error != cudaSuccess) return error;
  }
  QUIPU_CUDA_START_SHARED(kKernel, tiles * matrices * parts.count, kTileThreads, totals_bytes,
                          stream, problem, parts, column_tiles, tiles);
  return cudaGetLastError();
}

template <class Problem>
cudaError_t LaunchPlanned(const Problem& problem, const Parts& parts, const Matmul& shape,
                          int64_t matrices, int thread_rows, cudaStream_t stream) {
  if constexpr (Problem::kInQuads) {
    if (thread_rows == 16) return LaunchTiles<16>(problem, parts, shape, matrices, stream);
    if (thread_rows == 4) return LaunchTiles<4>(problem, parts, shape, matrices, stream);
  }
  return LaunchTiles<8>(problem, parts, shape, matrices, stream);
}

template <class Problem>
cudaError_t LaunchAddParts(const Problem& problem, const Parts& parts, const Matmul& shape,
                           int64_t matrices, cudaStream_t stream) {
  const int64_t count = matrices * shape.m * shape.n;
  QUIPU_CUDA_START(AddPartsKernel<Problem>, GridBlocks(count), kGridThreads, stream, problem, parts,
                   shape.m, shape.n, count);
  return cudaGetLastError();
}

// `matrices` products at once, as MatmulTileKernel takes them. `shape` is what all of them have in
// common; `scratch` has TileScratchFloats of it, or is null where there was no room.
template <class Problem>
cudaError_t LaunchMatmulTiles(const Problem& problem, const Matmul& shape, int64_t matrices,
                              float* scratch, cudaStream_t stream) {
  if (shape.m == 0 || shape.n == 0 || matrices == 0) return cudaSuccess;
  const TilePlan plan = PlanTiles(shape, matrices, Problem::kInQuads, scratch != nullptr);
  const Parts parts{plan.parts, scratch};
  const cudaError_t error =
      LaunchPlanned(problem, parts, shape, matrices, plan.thread_rows, stream);
  if (error != cudaSuccess || plan.parts == 1) return error;
  return LaunchAddParts(problem, parts, shape, matrices, stream);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_SPLIT_H_
