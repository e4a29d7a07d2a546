// Device code of matrix products, for whatever their right-hand matrix is read from.
//
// CUDA cores in canonical order: a block of 256 threads computes a 128 × 128 tile of C, a thread 8
// × 8 of it, k in steps of 8 through two buffers of shared memory. Each output has one accumulator;
// when a block of the dot product ends it is added to the output's total and starts again from +0.
//
// k is never padded with zeros: fma(0, 0, -0) is +0, so a padded step could change a bit.
//
// In an unnamed namespace, like kernels themselves. Include only from .cu files.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_TILE_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_TILE_H_

#include "kernels/math/canonical.h"
#include "kernels/matmul/matmul_cuda.h"
#include "support/cuda_check.h"

namespace quipu {
namespace {

constexpr int kTile = 128;
constexpr int kStep = 8;
constexpr int kThreads = 256;
static_assert(kDotBlock % kStep == 0, "a step never crosses a block of the dot product");

// What one thread carries from global to shared memory in one step: four elements of A (one row,
// four k) and four of B (one k, four columns). Outside the matrix it carries zeros, which only meet
// outputs that are not written.
struct Carry {
  float a[4];
  float b[4];
};

template <class Columns>
__device__ Carry Fetch(const Matmul& job, const Columns& columns, int64_t row, int64_t p) {
  Carry carry;
  const int64_t a_row = row + threadIdx.x / 2;
  const int64_t a_p = p + threadIdx.x % 2 * 4;
  QUIPU_UNROLL
  for (int i = 0; i < 4; ++i) {
    const bool in_a = a_row < job.m && a_p + i < job.k;
    carry.a[i] = in_a ? job.a[a_row * job.a_stride + a_p + i] : 0.0f;
  }
  columns.Fetch(p + threadIdx.x / 32, carry.b);
  return carry;
}

__device__ void Store(const Carry& carry, float (*a)[kTile + 4], float (*b)[kTile]) {
  QUIPU_UNROLL
  for (int i = 0; i < 4; ++i) {
    a[threadIdx.x % 2 * 4 + i][threadIdx.x / 2] = carry.a[i];
    b[threadIdx.x / 32][threadIdx.x % 32 * 4 + i] = carry.b[i];
  }
}

// Rows and columns of a thread: 4 and 4 more 64 further on, so that shared memory is read without
// conflicts.
__device__ int Spread(int base, int i) { return base * 4 + i % 4 + i / 4 * 64; }

__device__ void Accumulate(const float* a, const float* b, int ty, int tx, float (*sum)[8]) {
  float x[8];
  float y[8];
  QUIPU_UNROLL
  for (int i = 0; i < 8; ++i) {
    x[i] = a[Spread(ty, i)];
    y[i] = b[Spread(tx, i)];
  }
  QUIPU_UNROLL
  for (int i = 0; i < 8; ++i) {
    QUIPU_UNROLL
    for (int j = 0; j < 8; ++j) sum[i][j] = FusedF32(x[i], y[j], sum[i][j]);
  }
}

template <class Problem>
__global__ void __launch_bounds__(kThreads)
    MatmulTileKernel(Problem problem, int64_t column_tiles, int64_t tiles) {
  __shared__ float a[2][kStep][kTile + 4];
  __shared__ float b[2][kStep][kTile];
  const int64_t matrix = blockIdx.x / tiles;
  const Matmul job = problem.Of(matrix);
  const int64_t row = blockIdx.x % tiles / column_tiles * kTile;
  const int64_t column = blockIdx.x % tiles % column_tiles * kTile;
  const auto columns = problem.Columns(matrix, column + threadIdx.x % 32 * 4);
  const int ty = threadIdx.x / 16;
  const int tx = threadIdx.x % 16;
  float sum[8][8] = {};
  float total[8][8] = {};
  if (job.k > 0) Store(Fetch(job, columns, row, 0), a[0], b[0]);
  __syncthreads();
  int buffer = 0;
  for (int64_t p = 0; p < job.k; p += kStep) {
    const bool more = p + kStep < job.k;
    Carry carry;
    if (more) carry = Fetch(job, columns, row, p + kStep);
    if (more || job.k - p == kStep) {
      QUIPU_UNROLL
      for (int s = 0; s < kStep; ++s) Accumulate(a[buffer][s], b[buffer][s], ty, tx, sum);
    } else {
      for (int s = 0; s < job.k - p; ++s) Accumulate(a[buffer][s], b[buffer][s], ty, tx, sum);
    }
    if (!more || (p + kStep) % kDotBlock == 0) {
      const bool first = p < kDotBlock;
      QUIPU_UNROLL
      for (int i = 0; i < 8; ++i) {
        QUIPU_UNROLL
        for (int j = 0; j < 8; ++j) {
          total[i][j] = first ? sum[i][j] : total[i][j] + sum[i][j];
          sum[i][j] = 0.0f;
        }
      }
    }
    if (more) Store(carry, a[buffer ^ 1], b[buffer ^ 1]);
    __syncthreads();
    buffer ^= 1;
  }
  QUIPU_UNROLL
  for (int i = 0; i < 8; ++i) {
    QUIPU_UNROLL
    for (int j = 0; j < 8; ++j) {
      const int64_t r = row + Spread(ty, i);
      const int64_t c = column + Spread(tx, j);
      if (r < job.m && c < job.n) job.c[r * job.c_stride + c] = total[i][j];
    }
  }
}

// `matrices` products at once. Problem gives Of(matrix), whose b is not read, and Columns(matrix,
// column), which fetches four neighbours of a row of B: Fetch(p, into), +0 outside the matrix.
// `shape` is what all of them have in common.
template <class Problem>
cudaError_t LaunchMatmulTiles(const Problem& problem, const Matmul& shape, int64_t matrices,
                              cudaStream_t stream) {
  if (shape.m == 0 || shape.n == 0 || matrices == 0) return cudaSuccess;
  const int64_t column_tiles = (shape.n + kTile - 1) / kTile;
  const int64_t tiles = (shape.m + kTile - 1) / kTile * column_tiles;
  if (tiles > INT32_MAX / matrices) return cudaErrorInvalidConfiguration;
  QUIPU_CUDA_START(MatmulTileKernel<Problem>, tiles * matrices, kThreads, stream, problem,
                   column_tiles, tiles);
  return cudaGetLastError();
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_TILE_H_
