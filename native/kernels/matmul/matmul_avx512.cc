#include "kernels/matmul/matmul_avx512.h"

namespace quipu {

void MatmulPackF32Avx512(const Matmul& job, float* panels) { MatmulPack<Avx512>(job, panels); }

void MatmulF32Avx512(const Matmul& job, float* scratch) { MatmulVector<Avx512>(job, scratch); }

}  // namespace quipu
