// The right-hand matrix lies in memory.
#include "kernels/matmul/matmul_cuda.h"
#include "kernels/matmul/matmul_tile.h"

namespace quipu {
namespace {

struct MatrixColumns {
  const float* b;
  int64_t stride;
  int64_t k;
  int64_t columns;  // from here to the matrix's end; may be negative

  __device__ void Fetch(int64_t p, float into[4]) const {
    QUIPU_UNROLL
    for (int i = 0; i < 4; ++i) into[i] = p < k && i < columns ? b[p * stride + i] : 0.0f;
  }
};

struct MatrixProblem {
  Matmul job;

  __device__ Matmul Of(int64_t) const { return job; }
  __device__ MatrixColumns Columns(int64_t, int64_t column) const {
    return MatrixColumns{job.b + column, job.b_stride, job.k, job.n - column};
  }
};

}  // namespace

cudaError_t LaunchMatmulF32(const Matmul& job, cudaStream_t stream) {
  return LaunchMatmulTiles(MatrixProblem{job}, job, 1, stream);
}

}  // namespace quipu
