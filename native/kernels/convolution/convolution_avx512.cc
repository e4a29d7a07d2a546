// AVX-512: sixteen output columns a vector.
#include "kernels/convolution/convolution_vector.h"
#include "kernels/matmul/matmul_avx512.h"

namespace quipu {

void ConvolutionF32Avx512(const Convolution& job, float* scratch) {
  ConvolutionVector<Avx512, Columns16>(job, scratch);
}

}  // namespace quipu
