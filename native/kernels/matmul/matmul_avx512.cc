#include "kernels/matmul/matmul_avx512.h"

namespace quipu {

void MatmulF32Avx512(const Matmul& job, float* scratch) { MatmulVector<Avx512>(job, scratch); }

}  // namespace quipu
