// AVX-512: rows sixteen lanes at a time.
#include "kernels/reduce/row_lanes16.h"
#include "kernels/softmax/softmax_lanes.h"

namespace quipu {

void SoftmaxF32Avx512(const Softmax& job, float* scratch) { SoftmaxAll<RowLanes16>(job, scratch); }

}  // namespace quipu
