#include "kernels/pool/pool_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/pool.h"

namespace quipu {

cudaError_t StartPool(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Words words(op);
  const PoolWords w(&words);
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  if (w.is_mean()) {
    return LaunchAveragePoolF32(w.Mean(at.Read(op, 0), at.Written(op, 0)), stream);
  }
  int64_t* indices = w.has_indices() ? at.Written<int64_t>(op, 1) : nullptr;
  return LaunchMaxPoolF32(w.Greatest(at.Read(op, 0), at.Written(op, 0), indices), stream);
}

}  // namespace quipu
