#include "kernels/softmax/softmax_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/softmax.h"

namespace quipu {

cudaError_t StartSoftmax(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Words words(op);
  const SoftmaxWords w(&words);
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  return LaunchSoftmaxF32(w.Job(at.Read(op, 0), at.Written(op, 0)), stream);
}

}  // namespace quipu
