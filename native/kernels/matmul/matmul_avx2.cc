#include "kernels/matmul/matmul_avx2.h"

namespace quipu {

void MatmulPackF32Avx2(const Matmul& job, float* panels) { MatmulPack<Avx2>(job, panels); }

void MatmulF32Avx2(const Matmul& job, float* scratch) { MatmulVector<Avx2>(job, scratch); }

}  // namespace quipu
