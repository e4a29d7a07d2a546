// Device code of matrix products, for whatever their right-hand matrix is read from.
//
// CUDA cores in canonical order: a thread block of four warps computes a tile of C, a thread up to
// 16 × 8 of it. k goes by in steps of 8 through two buffers of shared memory; what the next step
// needs is on its way in registers meanwhile. Each output has one accumulator; when a block of the
// dot product ends it is added to the output's total, which waits in shared memory too.
//
// Whatever is read beyond the edge of a matrix is a copy of its last row or column, which only
// meets outputs that are not written. k is never padded: fma(0, 0, -0) is +0, so a padded step
// could change a bit.
//
// In an unnamed namespace, like kernels themselves. Include only from .cu files.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_TILE_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_TILE_H_

#include "kernels/math/canonical.h"
#include "kernels/matmul/matmul.h"
#include "support/cuda_check.h"
#include "support/quads.h"

namespace quipu {
namespace {

constexpr int kTileThreads = 128;
constexpr int kTileColumns = 128;  // 32 a warp
constexpr int kThreadColumns = 8;
constexpr int kStep = 8;
static_assert(kDotBlock % kStep == 0, "a step never crosses a block of the dot product");

QUIPU_HOST_DEVICE inline int64_t Least(int64_t a, int64_t b) { return a < b ? a : b; }

// A step of the operands in shared memory, k by k. Four floats more keep the columns of `a` that a
// warp writes apart.
template <int kThreadRows>
struct StepBuffer {
  static constexpr int kRows = 8 * kThreadRows;
  float a[kStep][kRows + 4];
  float b[kStep][kTileColumns];
};

// What one thread carries from global to shared memory for a step: quads of A (one row, four k)
// and of B (one k, four columns).
template <int kThreadRows>
struct Carry {
  static constexpr int kQuadsOfA = 2 * StepBuffer<kThreadRows>::kRows;
  static constexpr int kQuads = (kQuadsOfA + kTileThreads - 1) / kTileThreads;
  float a[kQuads][4];
  float b[2][4];

  // A step that is whole.
  template <bool kInQuads, class Columns>
  __device__ void Fetch(const float* const from[kQuads], const Columns& columns, int64_t p) {
    QUIPU_UNROLL
    for (int i = 0; i < kQuads; ++i) {
      if (kInQuads) {
        LoadQuad(from[i] + p, a[i]);
      } else {
        QUIPU_UNROLL
        for (int e = 0; e < 4; ++e) a[i][e] = from[i][p + e];
      }
    }
    QUIPU_UNROLL
    for (int i = 0; i < 2; ++i) columns.Fetch(p + threadIdx.x / 32 + 4 * i, b[i]);
  }

  // The last step, or none: beyond the last k is no matter what.
  template <class Columns>
  __device__ void FetchRest(const float* const from[kQuads], const Columns& columns, int64_t p,
                            int64_t k) {
    const int64_t left = k - p - threadIdx.x % 2 * 4;
    QUIPU_UNROLL
    for (int i = 0; i < kQuads; ++i) {
      QUIPU_UNROLL
      for (int e = 0; e < 4; ++e) a[i][e] = e < left ? from[i][p + e] : 0.0f;
    }
    QUIPU_UNROLL
    for (int i = 0; i < 2; ++i) columns.Fetch(Least(p + threadIdx.x / 32 + 4 * i, k - 1), b[i]);
  }

  template <class Columns>
  __device__ void Store(StepBuffer<kThreadRows>* to) const {
    QUIPU_UNROLL
    for (int i = 0; i < kQuads; ++i) {
      const int quad = static_cast<int>(threadIdx.x) + i * kTileThreads;
      if (kQuadsOfA < kTileThreads && quad >= kQuadsOfA) continue;
      QUIPU_UNROLL
      for (int e = 0; e < 4; ++e) to->a[quad % 2 * 4 + e][quad / 2] = a[i][e];
    }
    QUIPU_UNROLL
    for (int i = 0; i < 2; ++i) {
      float* row = to->b[threadIdx.x / 32 + 4 * i];
      if (Columns::kApart == 1) {
        StoreQuad(b[i], row + threadIdx.x % 32 * 4);
      } else {
        QUIPU_UNROLL
        for (int e = 0; e < 4; ++e) row[threadIdx.x % 32 + e * 32] = b[i][e];
      }
    }
  }
};

// A thread's place in the tile. Its rows are fours that lie 32 apart, its columns fours that lie 16
// apart; neighbouring lanes read the same quads, in the pattern that costs no more than two passes
// over the banks of shared memory.
__device__ inline int FirstRow() { return static_cast<int>(threadIdx.x) % 16 / 2 * 4; }
__device__ inline int FirstColumn() {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  return static_cast<int>(threadIdx.x) / 32 * 32 + (lane / 16 * 2 + lane % 2) * 4;
}

// Of one k.
template <int kThreadRows>
struct Operands {
  float x[kThreadRows];
  float y[kThreadColumns];

  __device__ void Load(const StepBuffer<kThreadRows>& from, int s) {
    QUIPU_UNROLL
    for (int i = 0; i < kThreadRows; i += 4) LoadQuad(&from.a[s][FirstRow() + i * 8], x + i);
    QUIPU_UNROLL
    for (int j = 0; j < kThreadColumns; j += 4) {
      LoadQuad(&from.b[s][FirstColumn() + j * 4], y + j);
    }
  }

  __device__ void Multiply(float (*sum)[kThreadColumns]) const {
    QUIPU_UNROLL
    for (int i = 0; i < kThreadRows; ++i) {
      QUIPU_UNROLL
      for (int j = 0; j < kThreadColumns; ++j) sum[i][j] = FusedF32(x[i], y[j], sum[i][j]);
    }
  }
};

// The sums become the totals when blocks of the dot product went before, and are kept for those
// that follow.
template <int kThreadRows>
__device__ void AddUp(float (*sum)[kThreadColumns], bool first, bool last, float4* totals) {
  QUIPU_UNROLL
  for (int i = 0; i < kThreadRows; ++i) {
    QUIPU_UNROLL
    for (int j = 0; j < kThreadColumns; j += 4) {
      float* mine = reinterpret_cast<float*>(
          totals + (i * (kThreadColumns / 4) + j / 4) * kTileThreads + threadIdx.x);
      if (!first) {
        float total[4];
        LoadQuad(mine, total);
        QUIPU_UNROLL
        for (int e = 0; e < 4; ++e) sum[i][j + e] = total[e] + sum[i][j + e];
      }
      if (!last) StoreQuad(&sum[i][j], mine);
    }
  }
}

// `place(j)`: how far column j of an output row is from its first.
template <int kThreadRows, class Place>
__device__ void WriteTile(const Matmul& job, int64_t row, int64_t column, bool in_quads,
                          const Place& place, const float (*sum)[kThreadColumns]) {
  float* corner = job.c + (row + FirstRow()) * job.c_stride;
  const int64_t rows_left = job.m - row - FirstRow();
  QUIPU_UNROLL
  for (int j = 0; j < kThreadColumns; ++j) {
    const int64_t c = column + FirstColumn() + j / 4 * 16 + j % 4;
    if (c >= job.n || (in_quads && j % 4 > 0)) continue;
    float* at = corner + place(c);
    QUIPU_UNROLL
    for (int i = 0; i < kThreadRows; ++i) {
      const int r = i % 4 + i / 4 * 32;
      if (r >= rows_left) continue;
      if (in_quads) {
        if (j % 4 == 0) StoreQuad(&sum[i][j], at + r * job.c_stride);
      } else {
        at[r * job.c_stride] = sum[i][j];
      }
    }
  }
}

// Of k as a whole; or each of its blocks as a product of its own, one after another at `sums`.
struct Parts {
  int64_t count = 1;
  float* sums = nullptr;

  __device__ Matmul Of(Matmul job, int64_t index) const {
    if (count == 1) return job;
    const int64_t first_k = index % count * kDotBlock;
    job.a += first_k;
    job.k = Least(job.k - first_k, kDotBlock);
    job.c = sums + index * job.m * job.n;
    job.c_stride = job.n;
    return job;
  }
};

// So many tiles are at work on a processor at a time: as many as its registers hold.
QUIPU_HOST_DEVICE constexpr int TilesAtOnce(int thread_rows) {
  return thread_rows == 16 ? 2 : thread_rows == 8 ? 3 : 4;
}

// Problem gives Of(matrix), whose b is not read, Columns(matrix, column, first k), and where the
// columns of the output lie: Place(column), and whether four neighbours lie together, InFours(job).
template <int kThreadRows, class Problem>
__global__ void __launch_bounds__(kTileThreads, TilesAtOnce(kThreadRows))
    MatmulTileKernel(Problem problem, Parts parts, int64_t column_tiles, int64_t tiles) {
  using Buffer = StepBuffer<kThreadRows>;
  using Carried = Carry<kThreadRows>;
  __shared__ Buffer buffers[2];
  QUIPU_SHARED_AT_LAUNCH(float4, totals);
  const int64_t index = blockIdx.x / tiles;
  const int64_t matrix = index / parts.count;
  const Matmul job = parts.Of(problem.Of(matrix), index);
  const int64_t row = blockIdx.x % tiles / column_tiles * Buffer::kRows;
  const int64_t column = blockIdx.x % tiles % column_tiles * kTileColumns;
  const auto columns = problem.Columns(matrix, column, index % parts.count * kDotBlock);
  using Columns = decltype(problem.Columns(0, 0, 0));
  const float* rows[Carried::kQuads];
  QUIPU_UNROLL
  for (int i = 0; i < Carried::kQuads; ++i) {
    const int quad = static_cast<int>(threadIdx.x) + i * kTileThreads;
    rows[i] = job.a + Least(row + quad / 2, job.m - 1) * job.a_stride + quad % 2 * 4;
  }
  Carried carry;
  const auto fetch = [&](int64_t p) {
    if (p + kStep <= job.k) {
      carry.template Fetch<Problem::kInQuads>(rows, columns, p);
    } else {
      carry.FetchRest(rows, columns, p, job.k);
    }
  };
  Operands<kThreadRows> operands;
  int now = 0;
  if (job.k > 0) {
    fetch(0);
    carry.template Store<Columns>(&buffers[now]);
    __syncthreads();
  }
  for (int64_t start = 0;; start += kDotBlock) {
    const int64_t end = Least(start + kDotBlock, job.k);
    float sum[kThreadRows][kThreadColumns] = {};
    int64_t p = start;
    for (; p + kStep <= end; p += kStep) {
      fetch(p + kStep);
      QUIPU_UNROLL
      for (int s = 0; s < kStep; ++s) {
        operands.Load(buffers[now], s);
        operands.Multiply(sum);
      }
      carry.template Store<Columns>(&buffers[now ^ 1]);
      __syncthreads();
      now ^= 1;
    }
    for (int s = 0; p < end; ++p, ++s) {
      operands.Load(buffers[now], s);
      operands.Multiply(sum);
    }
    AddUp<kThreadRows>(sum, start == 0, end == job.k, totals);
    if (end < job.k) continue;
    if (parts.count > 1) {
      const bool in_quads = InQuads(job.c, job.n, 0);
      const auto place = [](int64_t j) { return j; };
      WriteTile<kThreadRows>(job, row, column, in_quads, place, sum);
    } else {
      const auto place = [&](int64_t j) { return problem.Place(j); };
      WriteTile<kThreadRows>(job, row, column, problem.InFours(job), place, sum);
    }
    return;
  }
}

// What the totals of a tile take, where k has more than a block.
template <int kThreadRows>
constexpr int kTotalsBytes =
    StepBuffer<kThreadRows>::kRows* kTileColumns* static_cast<int>(sizeof(float));
// The least that a device has, of compute capability 8.0: 164 KiB a processor, of which each thread
// block takes one more.
static_assert(TilesAtOnce(16) * (2 * sizeof(StepBuffer<16>) + kTotalsBytes<16> + 1024) <=
              164 * 1024);

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_TILE_H_
