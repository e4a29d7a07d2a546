#include "kernels/reduce/reduce_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/reduce.h"

namespace quipu {

cudaError_t StartReduce(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Words words(op);
  const ReduceWords w(&words);
  const DType dtype = at.program.Read(op, 0).dtype;
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  return LaunchReduce(w.Job(at.Read(op, 0), at.Written(op, 0)), w.function, dtype, stream);
}

}  // namespace quipu
