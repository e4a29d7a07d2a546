#include "kernels/trees/trees_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/trees.h"

namespace quipu {

cudaError_t StartTrees(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Words words(op);
  const TreesWords w(&words);
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  const auto address = [&at](uint32_t tensor) { return at.At(tensor); };
  return LaunchTrees(w.Job(address, at.program, op, at.Read(op, 0), at.Written(op, 0)), stream);
}

}  // namespace quipu
