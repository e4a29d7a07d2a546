// AVX-512: rows sixteen lanes at a time.
#include "kernels/normalise/normalise_lanes.h"
#include "kernels/reduce/row_lanes16.h"

namespace quipu {

void NormaliseF32Avx512(const Normalise& job) { NormaliseAll<RowLanes16>(job); }

}  // namespace quipu
