#include "kernels/map/map_cuda.h"
#include "program/cuda_operators.h"

namespace quipu {

cudaError_t StartMap(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  Map map = at.program.maps[op.map];
  for (size_t i = 0; i < op.reads.size(); ++i) map.inputs[i].data = at.Read(op, i);
  for (size_t i = 0; i < op.writes.size(); ++i) map.outputs[i].data = at.Written(op, i);
  return LaunchMap(map, stream);
}

}  // namespace quipu
