#include "kernels/normalise/normalise_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/normalise.h"

namespace quipu {

cudaError_t StartNormalise(const CudaAddresses& at, const ProgramOperator& op,
                           cudaStream_t stream) {
  Words words(op);
  const NormaliseWords w(&words);
  if (w.rows == 0) return cudaSuccess;
  const bool affine = w.mode != 0;
  return LaunchNormaliseF32(
      w.Job(at.Read(op, 0), affine ? at.Read(op, 1) : nullptr, affine ? at.Read(op, 2) : nullptr,
            at.Written(op, 0), at.Written(op, 1), at.Written(op, 2)),
      stream);
}

}  // namespace quipu
