// Starts operators on a CUDA device. Include only from .cu files.
#ifndef QUIPU_PROGRAM_CUDA_OPERATORS_H_
#define QUIPU_PROGRAM_CUDA_OPERATORS_H_

#include <cuda_runtime_api.h>

#include <vector>

#include "kernels/gather/index.h"
#include "program/program.h"

namespace quipu {

// Where the tensors of a program lie on the device.
struct CudaAddresses {
  const Program& program;
  uint8_t* constants;
  uint8_t* prepared;
  uint8_t* arena;
  uint8_t* inputs;
  const std::vector<uint64_t>& input_offsets;
  float* scratch;  // for the operator that runs; what it asks for below, or null
  BadIndex* bad;   // one an operator

  BadIndex* Bad(const ProgramOperator& op) const { return bad + (&op - program.operators.data()); }
  uint8_t* At(uint32_t tensor) const {
    const ProgramTensor& t = program.tensors[tensor];
    switch (t.place) {
      case Place::kInput:
        return inputs + input_offsets[tensor];
      case Place::kConstant:
        return constants + t.offset;
      case Place::kPrepared:
        return prepared + t.offset;
      case Place::kArena:
        break;
    }
    return arena + t.offset;
  }
  template <class T = float>
  T* Read(const ProgramOperator& op, size_t i) const {
    return reinterpret_cast<T*>(At(op.reads[i]));
  }
  template <class T = float>
  T* Written(const ProgramOperator& op, size_t i) const {
    return reinterpret_cast<T*>(At(op.writes[i]));
  }
};

int64_t MatmulScratchFloats(const Program& program, const ProgramOperator& op);
int64_t ConvolutionScratchFloats(const Program& program, const ProgramOperator& op);

cudaError_t StartMatmul(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartMap(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartReduce(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartSoftmax(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartTrees(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartNormalise(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartCopy(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartGather(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartScatter(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartScan(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartTopK(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);
cudaError_t StartConvolution(const CudaAddresses& at, const ProgramOperator& op,
                             cudaStream_t stream);
cudaError_t StartPool(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_CUDA_OPERATORS_H_
