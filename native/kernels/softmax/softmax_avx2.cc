// AVX2: rows eight lanes at a time.
#include "kernels/reduce/row_lanes8.h"
#include "kernels/softmax/softmax_lanes.h"

namespace quipu {

void SoftmaxF32Avx2(const Softmax& job, float* scratch) { SoftmaxAll<RowLanes8>(job, scratch); }

}  // namespace quipu
