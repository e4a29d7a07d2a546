// AVX-512: sixteen output columns at a time.
#include "kernels/lanes/columns16.h"
#include "kernels/pool/pool_vector.h"

namespace quipu {

void MaxPoolF32Avx512(const MaxPool& job) { MaxPoolVector<Columns16>(job); }

void AveragePoolF32Avx512(const AveragePool& job) { AveragePoolVector<Columns16>(job); }

}  // namespace quipu
