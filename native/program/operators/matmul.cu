#include "kernels/matmul/matmul_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/matmul.h"

namespace quipu {

cudaError_t StartMatmul(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  const int64_t elements = at.program.Written(op, 0).elements;
  if (elements == 0) return cudaSuccess;
  Words words(op);
  const MatmulWords w(&words);
  for (int64_t matrix = 0; matrix < elements / (w.m * w.n); ++matrix) {
    int64_t a_at = 0;
    int64_t b_at = 0;
    w.Locate(matrix, &a_at, &b_at);
    const Matmul job{at.Read(op, 0) + a_at * w.m * w.k,
                     at.Read(op, 1) + b_at * w.k * w.n,
                     at.Written(op, 0) + matrix * w.m * w.n,
                     w.k,
                     w.n,
                     w.n,
                     w.m,
                     w.n,
                     w.k};
    if (const cudaError_t error = LaunchMatmulF32(job, stream); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace quipu
