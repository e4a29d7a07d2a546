// Products with few rows, which read the right-hand matrix once. Include only from .cu files.
//
// A warp takes a strip of 128 columns, four a lane, and all of k or one of its blocks. What it will
// need of B is on its way to shared memory well ahead: a lane copies what it will read itself, so
// that nobody waits for anybody else.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_

#include <cuda_pipeline.h>

#include "kernels/matmul/matmul_split.h"

namespace quipu {
namespace {

constexpr int kRowsThreads = 128;
constexpr int kRowsMax = 8;
constexpr int kGroupRows = 8;    // of B, that are asked for together
constexpr int kGroupsAhead = 3;  // beside the one that is at work
constexpr int kRingBytes = (kGroupsAhead + 1) * kGroupRows * kRowsThreads * 16;
static_assert(kDotBlock % kGroupRows == 0, "a group never crosses a block of the dot product");

// A place in shared memory for each row of a group, for this thread.
__device__ inline float* RingAt(float4* ring, int64_t group, int row) {
  const int slot = static_cast<int>(group % (kGroupsAhead + 1)) * kGroupRows + row;
  return reinterpret_cast<float*>(ring + slot * kRowsThreads + threadIdx.x);
}

// Asks for a group, or for nothing behind the last k.
template <class Columns>
__device__ void Ask(const Columns& columns, float4* ring, int64_t group, int64_t k) {
  QUIPU_UNROLL
  for (int e = 0; e < kGroupRows; ++e) {
    const int64_t p = group * kGroupRows + e;
    if (p < k) columns.Copy(p, RingAt(ring, group, e));
  }
  __pipeline_commit();
}

// Adds `count` k from p on.
template <int kRows, bool kInQuads>
__device__ void AddGroup(const float* const (&rows)[kRows], float4* ring, int64_t p, int count,
                         float (*sum)[4]) {
  for (int e = 0; e < count; e += 4) {
    float y[4][4];
    QUIPU_UNROLL
    for (int q = 0; q < 4; ++q) LoadQuad(RingAt(ring, p / kGroupRows, e + q), y[q]);
    QUIPU_UNROLL
    for (int r = 0; r < kRows; ++r) {
      float x[4] = {};
      if (kInQuads) {
        LoadQuad(rows[r] + p + e, x);
      } else {
        QUIPU_UNROLL
        for (int q = 0; q < 4; ++q) x[q] = e + q < count ? rows[r][p + e + q] : 0.0f;
      }
      QUIPU_UNROLL
      for (int q = 0; q < 4; ++q) {
        if (!kInQuads && e + q >= count) break;
        QUIPU_UNROLL
        for (int j = 0; j < 4; ++j) sum[r][j] = FusedF32(x[q], y[q][j], sum[r][j]);
      }
    }
  }
}

template <int kRows, class Problem>
__global__ void __launch_bounds__(kRowsThreads)
    MatmulRowsKernel(Problem problem, Parts parts, int64_t strips, int64_t count) {
  QUIPU_SHARED_AT_LAUNCH(float4, ring);
  const int64_t at = static_cast<int64_t>(blockIdx.x) * (kRowsThreads / 32) + threadIdx.x / 32;
  if (at >= count) return;
  const int64_t index = at / strips;
  const int64_t matrix = index / parts.count;
  const Matmul job = parts.Of(problem.Of(matrix), index);
  const int64_t column = at % strips * kTileColumns;
  const auto columns = problem.Columns(matrix, column, index % parts.count * kDotBlock);
  const float* rows[kRows];
  QUIPU_UNROLL
  for (int r = 0; r < kRows; ++r) rows[r] = job.a + Least(r, job.m - 1) * job.a_stride;
  for (int group = 0; group < kGroupsAhead; ++group) Ask(columns, ring, group, job.k);
  float total[kRows][4] = {};
  for (int64_t start = 0; start < job.k; start += kDotBlock) {
    const int64_t end = Least(start + kDotBlock, job.k);
    float sum[kRows][4] = {};
    for (int64_t p = start; p < end; p += kGroupRows) {
      Ask(columns, ring, p / kGroupRows + kGroupsAhead, job.k);
      __pipeline_wait_prior(kGroupsAhead);
      if (p + kGroupRows <= end) {
        AddGroup<kRows, Problem::kInQuads>(rows, ring, p, kGroupRows, sum);
      } else {
        AddGroup<kRows, Problem::kInQuads>(rows, ring, p, static_cast<int>(end - p), sum);
      }
    }
    QUIPU_UNROLL
    for (int r = 0; r < kRows; ++r) {
      QUIPU_UNROLL
      for (int j = 0; j < 4; ++j) {
        total[r][j] = start == 0 ? sum[r][j] : total[r][j] + sum[r][j];
      }
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

inline int64_t RowsScratchFloats(const Matmul& shape, int64_t matrices) {
  const int64_t parts = PartsAllowed(shape, matrices);
  return parts == 1 ? 0 : parts * matrices * shape.m * shape.n;
}

// `matrices` products at once; `scratch` has RowsScratchFloats of them, or is null where there was
// no room. The blocks of k are kept apart wherever they may be.
template <class Problem>
cudaError_t LaunchMatmulRows(const Problem& problem, const Matmul& shape, int64_t matrices,
                             float* scratch, cudaStream_t stream) {
  const Parts parts{scratch == nullptr ? 1 : PartsAllowed(shape, matrices), scratch};
  const int64_t strips = (shape.n + kTileColumns - 1) / kTileColumns;
  const int64_t warps = strips * matrices * parts.count;
  const int64_t blocks = (warps + kRowsThreads / 32 - 1) / (kRowsThreads / 32);
  if (blocks > INT32_MAX) return cudaErrorInvalidConfiguration;
  const auto start = [&](auto kernel) {
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kRingBytes);
    if (error != cudaSuccess) return error;
    QUIPU_CUDA_START_SHARED(kernel, blocks, kRowsThreads, kRingBytes, stream, problem, parts,
                            strips, warps);
    return cudaGetLastError();
  };
  const auto launch = [&] {
    if constexpr (Problem::kInQuads) {
      if (shape.m == 1) return start(MatmulRowsKernel<1, Problem>);
    }
    return start(MatmulRowsKernel<kRowsMax, Problem>);
  };
  const cudaError_t error = launch();
  if (error != cudaSuccess || parts.count == 1) return error;
  return LaunchAddParts(problem, parts, shape, matrices, stream);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_ROWS_H_
