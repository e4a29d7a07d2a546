#include "kernels/topk/topk_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/topk.h"

namespace quipu {

cudaError_t StartTopK(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Words words(op);
  const TopKWords w(&words);
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  const TopK job{at.Read(op, 0), at.Written(op, 0), at.Written<int64_t>(op, 1),
                 w.rows,         w.length,          w.k,
                 w.largest};
  return LaunchTopKF32(job, stream);
}

}  // namespace quipu
