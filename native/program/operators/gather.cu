#include "kernels/gather/gather_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/gather.h"

namespace quipu {
namespace {

template <class OperatorWords>
cudaError_t Start(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  Words words(op);
  const auto job = OperatorWords(&words).Job(IndexOperands(at, at.program, op));
  return LaunchGather(job, at.Bad(op), stream);
}

}  // namespace

cudaError_t StartGather(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  switch (op.opcode) {
    case Opcode::kGather:
      return Start<GatherWords>(at, op, stream);
    case Opcode::kGatherElements:
      return Start<GatherElementsWords>(at, op, stream);
    default:
      return Start<GatherNdWords>(at, op, stream);
  }
}

}  // namespace quipu
