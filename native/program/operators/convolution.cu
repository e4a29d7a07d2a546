#include "kernels/convolution/convolution_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/convolution.h"

namespace quipu {

int64_t ConvolutionScratchFloats(const Program& program, const ProgramOperator& op) {
  if (program.Written(op, 0).elements == 0) return 0;
  Words words(op);
  const ConvolutionWords w(&words);
  return ConvolutionScratchFloats({w.Job(nullptr, nullptr, nullptr), w.batch, w.groups});
}

cudaError_t StartConvolution(const CudaAddresses& at, const ProgramOperator& op,
                             cudaStream_t stream) {
  Words words(op);
  const ConvolutionWords w(&words);
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  const Convolution one = w.Job(at.Read(op, 0), at.Read(op, 1), at.Written(op, 0));
  return LaunchConvolutionF32({one, w.batch, w.groups}, at.scratch, stream);
}

}  // namespace quipu
