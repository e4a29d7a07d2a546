// Products with few rows, which read the right-hand matrix once. Include only from .cu files.
//
// A warp takes a strip of 128 columns, four a lane, and all of k or one of its blocks: long reads,
// each row of B by neighbours at about the same time, as memory likes them best.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_

#include "kernels/matmul/matmul_split.h"

namespace quipu {
namespace {

constexpr int kRowsThreads = 128;
constexpr int kRowsMax = 8;
constexpr int kAhead = 16;  // rows of B that a lane asks for before it needs the first

// Adds k from p on, as many as are multiples of kCount.
template <int kCount, bool kInQuads, int kRows, class Columns>
__device__ void AddProducts(const float* const (&rows)[kRows], const Columns& columns, int64_t& p,
                            int64_t end, float (*sum)[4]) {
  for (; p + kCount <= end; p += kCount) {
    float y[kCount][4];
    QUIPU_UNROLL
    for (int e = 0; e < kCount; ++e) columns.Fetch(p + e, y[e]);
    QUIPU_UNROLL
    for (int r = 0; r < kRows; ++r) {
      float x[kCount];
      if constexpr (kInQuads && kCount % 4 == 0) {
        QUIPU_UNROLL
        for (int e = 0; e < kCount; e += 4) LoadQuad(rows[r] + p + e, x + e);
      } else {
        QUIPU_UNROLL
        for (int e = 0; e < kCount; ++e) x[e] = rows[r][p + e];
      }
      QUIPU_UNROLL
      for (int e = 0; e < kCount; ++e) {
        QUIPU_UNROLL
        for (int j = 0; j < 4; ++j) sum[r][j] = FusedF32(x[e], y[e][j], sum[r][j]);
      }
    }
  }
}

template <int kRows, class Problem>
__global__ void __launch_bounds__(kRowsThreads)
    MatmulRowsKernel(Problem problem, Parts parts, int64_t strips, int64_t count) {
  const int64_t at = blockIdx.x * (kRowsThreads / 32) + threadIdx.x / 32;
  if (at >= count) return;
  const int64_t index = at / strips;
  const int64_t matrix = index / parts.count;
  const Matmul job = parts.Of(problem.Of(matrix), index);
  const int64_t column = at % strips * kTileColumns;
  const auto columns = problem.Columns(matrix, column, index % parts.count * kDotBlock);
  const float* rows[kRows];
  QUIPU_UNROLL
  for (int r = 0; r < kRows; ++r) rows[r] = job.a + Least(r, job.m - 1) * job.a_stride;
  float total[kRows][4] = {};
  for (int64_t p = 0; p < job.k;) {
    const bool first = p == 0;
    const int64_t end = Least(p + kDotBlock, job.k);
    float sum[kRows][4] = {};
    AddProducts<kAhead, Problem::kInQuads>(rows, columns, p, end, sum);
    AddProducts<1, Problem::kInQuads>(rows, columns, p, end, sum);
    QUIPU_UNROLL
    for (int r = 0; r < kRows; ++r) {
      QUIPU_UNROLL
      for (int j = 0; j < 4; ++j) total[r][j] = first ? sum[r][j] : total[r][j] + sum[r][j];
    }
  }
  QUIPU_UNROLL
  for (int r = 0; r < kRows; ++r) {
    if (r >= job.m) continue;
    QUIPU_UNROLL
    for (int j = 0; j < 4; ++j) {
      const int64_t c = column + threadIdx.x % 32 * 4 + j;
      if (c < job.n) job.c[r * job.c_stride + c] = total[r][j];
    }
  }
}

// `matrices` products at once; `scratch` has what the sums of all blocks take where they are kept
// apart, which they always are if they may.
template <class Problem>
cudaError_t LaunchMatmulRows(const Problem& problem, const Matmul& shape, int64_t matrices,
                             float* scratch, cudaStream_t stream) {
  const Parts parts{PartsAllowed(shape, matrices), scratch};
  const int64_t strips = (shape.n + kTileColumns - 1) / kTileColumns;
  if (strips > INT32_MAX / matrices / parts.count) return cudaErrorInvalidConfiguration;
  const int64_t warps = strips * matrices * parts.count;
  const auto start = [&](auto kernel) {
    const int64_t blocks = (warps + kRowsThreads / 32 - 1) / (kRowsThreads / 32);
    QUIPU_CUDA_START(kernel, blocks, kRowsThreads, stream, problem, parts, strips, warps);
    return cudaGetLastError();
  };
  const cudaError_t error = shape.m == 1   ? start(MatmulRowsKernel<1, Problem>)
                            : shape.m <= 4 ? start(MatmulRowsKernel<4, Problem>)
                                           : start(MatmulRowsKernel<kRowsMax, Problem>);
  if (error != cudaSuccess || parts.count == 1) return error;
  return LaunchAddParts(problem, parts, shape, matrices, stream);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_
