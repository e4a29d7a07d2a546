#include "kernels/matmul/matmul_avx2.h"

namespace quipu {

void MatmulF32Avx2(const Matmul& job, float* scratch) { MatmulVector<Avx2>(job, scratch); }

}  // namespace quipu
