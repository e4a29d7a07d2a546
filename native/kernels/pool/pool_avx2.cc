// AVX2: eight output columns at a time.
#include "kernels/lanes/columns8.h"
#include "kernels/pool/pool_vector.h"

namespace quipu {

void MaxPoolF32Avx2(const MaxPool& job) { MaxPoolVector<Columns8>(job); }

void AveragePoolF32Avx2(const AveragePool& job) { AveragePoolVector<Columns8>(job); }

}  // namespace quipu
