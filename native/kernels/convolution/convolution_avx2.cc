// AVX2 with FMA: eight output columns a vector.
#include "kernels/convolution/convolution_vector.h"
#include "kernels/matmul/matmul_avx2.h"

namespace quipu {

void ConvolutionF32Avx2(const Convolution& job, float* scratch) {
  ConvolutionVector<Avx2, Columns8>(job, scratch);
}

}  // namespace quipu
