#include "kernels/copy/copy_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/copy.h"

namespace quipu {

cudaError_t StartCopy(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Words words(op);
  const CopyFill fill(&words);
  const ProgramTensor& to = at.program.Written(op, 0);
  auto* const written = at.Written<uint8_t>(op, 0);
  const auto size = static_cast<int64_t>(DTypeBytes(to.dtype));
  if (fill.is_asked) {
    const cudaError_t error =
        LaunchFill(written, static_cast<int32_t>(size), fill.bits, to.elements, stream);
    if (error != cudaSuccess) return error;
  }
  for (size_t i = 0; i < op.reads.size(); ++i) {
    const Copy job = CopyPart(&words).Job(at.Read<uint8_t>(op, i), written, size);
    if (const cudaError_t error = LaunchCopy(job, stream); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace quipu
