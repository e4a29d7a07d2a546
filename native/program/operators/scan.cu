#include "kernels/scan/scan_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/scan.h"

namespace quipu {

cudaError_t StartScan(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Words words(op);
  const ScanWords w(&words);
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  return LaunchScan(w.Job(at.Read(op, 0), at.Written(op, 0)), at.program.Read(op, 0).dtype, stream);
}

}  // namespace quipu
