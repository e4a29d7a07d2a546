// Products with few rows, which read the right-hand matrix once. Include only from .cu files.
//
// A thread block has 32 columns, a lane each, and all of k: a warp takes a block of the dot product
// for itself, and the sums of all warps are added in order.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_

#include "kernels/matmul/matmul_tile.h"
#include "support/cuda_check.h"

namespace quipu {
namespace {

constexpr int kRowsWarps = 16;
constexpr int kRowsMax = 8;

// The sums of one block of k for this thread's column. A row of A is read by all lanes at once;
// what lies ahead in B is asked for before it is needed.
template <int kRows, bool kInQuads>
__device__ void SumBlock(const Matmul& job, const float* b, int64_t p, int64_t end, float* sum) {
  constexpr int kAhead = kRows == 1 ? 32 : 16;
  const float* rows[kRows];
  QUIPU_UNROLL
  for (int r = 0; r < kRows; ++r) rows[r] = job.a + Least(r, job.m - 1) * job.a_stride;
  for (; p + kAhead <= end; p += kAhead) {
    float y[kAhead];
    QUIPU_UNROLL
    for (int e = 0; e < kAhead; ++e) y[e] = b[(p + e) * job.b_stride];
    QUIPU_UNROLL
    for (int q = 0; q < kAhead; q += 4) {
      QUIPU_UNROLL
      for (int r = 0; r < kRows; ++r) {
        float x[4];
        if constexpr (kInQuads) {
          LoadQuad(rows[r] + p + q, x);
        } else {
          QUIPU_UNROLL
          for (int e = 0; e < 4; ++e) x[e] = rows[r][p + q + e];
        }
        QUIPU_UNROLL
        for (int e = 0; e < 4; ++e) sum[r] = FusedF32(x[e], y[q + e], sum[r]);
      }
    }
  }
  for (; p < end; ++p) {
    const float y = b[p * job.b_stride];
    QUIPU_UNROLL
    for (int r = 0; r < kRows; ++r) sum[r] = FusedF32(rows[r][p], y, sum[r]);
  }
}

template <int kRows, class Problem>
__global__ void __launch_bounds__(kRowsWarps * 32)
    MatmulRowsKernel(Problem problem, int64_t strips) {
  __shared__ float sums[kRowsWarps][kRows][32];
  const Matmul job = problem.Of(blockIdx.x / strips);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int64_t column = blockIdx.x % strips * 32 + lane;
  const float* b = job.b + Least(column, job.n - 1);
  const bool in_quads = InQuads(job.a, job.a_stride, 0);
  float total = 0.0f;  // of row `warp`
  for (int64_t start = 0; start < job.k; start += kRowsWarps * kDotBlock) {
    const int64_t mine = start + warp * kDotBlock;
    float sum[kRows] = {};
    if (in_quads) {
      SumBlock<kRows, true>(job, b, mine, Least(mine + kDotBlock, job.k), sum);
    } else {
      SumBlock<kRows, false>(job, b, mine, Least(mine + kDotBlock, job.k), sum);
    }
    QUIPU_UNROLL
    for (int r = 0; r < kRows; ++r) sums[warp][r][lane] = sum[r];
    __syncthreads();
    for (int w = 0; w < kRowsWarps && warp < kRows && start + w * kDotBlock < job.k; ++w) {
      total = start + w == 0 ? sums[w][warp][lane] : total + sums[w][warp][lane];
    }
    __syncthreads();  // all have read them before they are written again
  }
  if (warp < kRows && warp < job.m && column < job.n) {
    job.c[warp * job.c_stride + column] = total;
  }
}

template <class Problem>
cudaError_t LaunchMatmulRows(const Problem& problem, const Matmul& shape, int64_t matrices,
                             cudaStream_t stream) {
  const int64_t strips = (shape.n + 31) / 32;
  if (strips > INT32_MAX / matrices) return cudaErrorInvalidConfiguration;
  const auto start = [&](auto kernel) {
    QUIPU_CUDA_START(kernel, strips * matrices, kRowsWarps * 32, stream, problem, strips);
    return cudaGetLastError();
  };
  if (shape.m == 1) return start(MatmulRowsKernel<1, Problem>);
  if (shape.m <= 4) return start(MatmulRowsKernel<4, Problem>);
  return start(MatmulRowsKernel<kRowsMax, Problem>);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_
