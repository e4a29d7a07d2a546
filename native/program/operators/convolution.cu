#include "kernels/convolution/convolution_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/convolution.h"

namespace quipu {

cudaError_t StartConvolution(const CudaAddresses& at, const ProgramOperator& op,
                             cudaStream_t stream) {
  Words words(op);
  const ConvolutionWords w(&words);
  if (at.program.Written(op, 0).elements == 0) return cudaSuccess;
  const Convolution one = w.Job(at.Read(op, 0), at.Read(op, 1), at.Written(op, 0));
  return LaunchConvolutionF32(ConvolutionGrid{one, w.batch, w.groups}, stream);
}

}  // namespace quipu
