// The right-hand matrices lie in memory.
#include <cuda_pipeline.h>

#include "kernels/matmul/matmul_cuda.h"
#include "kernels/matmul/matmul_rows.h"
#include "kernels/matmul/matmul_split.h"

namespace quipu {
namespace {

// Four neighbours of a row of B for each thread of a warp.
template <bool kInQuads>
struct MatrixColumns {
  static constexpr int kApart = 1;
  const float* b;
  int64_t stride;
  int reach;  // of the neighbours, how many there are beyond the first

  __device__ void Fetch(int64_t p, float into[4]) const {
    const float* from = b + p * stride;
    if constexpr (kInQuads) {
      LoadQuad(from, into);
    } else {
      QUIPU_UNROLL
      for (int i = 0; i < 4; ++i) into[i] = from[i < reach ? i : reach];
    }
  }
  // Into shared memory, and later: after the next __pipeline_commit().
  __device__ void Copy(int64_t p, float into[4]) const {
    const float* from = b + p * stride;
    if constexpr (kInQuads) {
      __pipeline_memcpy_async(into, from, 4 * sizeof(float));
    } else {
      QUIPU_UNROLL
      for (int i = 0; i < 4; ++i) {
        __pipeline_memcpy_async(into + i, from + (i < reach ? i : reach), sizeof(float));
      }
    }
  }
};

// kInQuads: four neighbours of a row are one load, in A and in B.
template <bool kInQuadsOfAll>
struct StackProblem {
  static constexpr bool kInQuads = kInQuadsOfAll;
  MatmulStack stack;

  __device__ Matmul Of(int64_t matrix) const {
    Matmul job = stack.one;
    job.c += matrix * job.m * job.n;
    for (int64_t axis = stack.rank - 1; axis >= 0; --axis) {
      const int64_t at = matrix % stack.shape[axis];
      matrix /= stack.shape[axis];
      job.a += at * stack.a_stride[axis] * job.m * job.k;
      job.b += at * stack.b_stride[axis] * job.k * job.n;
    }
    return job;
  }
  __device__ MatrixColumns<kInQuads> Columns(int64_t matrix, int64_t column,
                                             int64_t first_k) const {
    const Matmul job = Of(matrix);
    const int64_t last = job.n - (kInQuads ? 4 : 1);
    const int64_t at = Least(column + threadIdx.x % 32 * 4, last);
    return {job.b + first_k * job.b_stride + at, job.b_stride,
            static_cast<int>(Least(last - at, 3))};
  }
  __device__ int64_t Place(int64_t column) const { return column; }
  __device__ bool InFours(const Matmul& job) const { return InQuads(job.c, job.c_stride, job.n); }
};

template <class Problem>
cudaError_t LaunchStack(const Problem& problem, float* scratch, cudaStream_t stream) {
  const MatmulStack& job = problem.stack;
  if (job.one.m <= kRowsMax) {
    return LaunchMatmulRows(problem, job.one, job.matrices, scratch, stream);
  }
  return LaunchMatmulTiles(problem, job.one, job.matrices, scratch, stream);
}

}  // namespace

int64_t MatmulScratchFloats(const MatmulStack& job) {
  const Matmul& one = job.one;
  return one.m > kRowsMax ? TileScratchFloats(one, job.matrices)
                          : RowsScratchFloats(one, job.matrices);
}

cudaError_t LaunchMatmulF32(const MatmulStack& job, float* scratch, cudaStream_t stream) {
  const Matmul& one = job.one;
  if (one.m == 0 || one.n == 0 || job.matrices == 0) return cudaSuccess;
  const bool in_quads = InQuads(one.a, one.a_stride, one.k) && InQuads(one.b, one.b_stride, one.n);
  return in_quads ? LaunchStack(StackProblem<true>{job}, scratch, stream)
                  : LaunchStack(StackProblem<false>{job}, scratch, stream);
}

}  // namespace quipu
