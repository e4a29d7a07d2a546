// AVX2: rows eight lanes at a time.
#include "kernels/normalise/normalise_lanes.h"
#include "kernels/reduce/row_lanes8.h"

namespace quipu {

void NormaliseF32Avx2(const Normalise& job) { NormaliseAll<RowLanes8>(job); }

}  // namespace quipu
