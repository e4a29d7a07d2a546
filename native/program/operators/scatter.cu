#include "kernels/scatter/scatter_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/scatter.h"

namespace quipu {
namespace {

template <class OperatorWords>
cudaError_t Start(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  const ProgramTensor& data = at.program.Read(op, 0);
  if (data.elements == 0) return cudaSuccess;
  const cudaError_t error = cudaMemcpyAsync(at.Written(op, 0), at.Read(op, 0), data.bytes,
                                            cudaMemcpyDeviceToDevice, stream);
  if (error != cudaSuccess) return error;
  Words words(op);
  const OperatorWords w(&words);
  const IndexOperands operands(at, at.program, op);
  return LaunchScatter(w.Job(operands, at.Read(op, 2), data.dtype), at.Bad(op), stream);
}

}  // namespace

cudaError_t StartScatter(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  if (op.opcode == Opcode::kScatterNd) return Start<ScatterNdWords>(at, op, stream);
  return Start<ScatterElementsWords>(at, op, stream);
}

}  // namespace quipu
