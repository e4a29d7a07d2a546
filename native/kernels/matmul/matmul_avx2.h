// AVX2 with FMA: micro tiles of 6 × 16, 12 accumulators.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_AVX2_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_AVX2_H_

#include "kernels/lanes/columns8.h"
#include "kernels/matmul/matmul_lanes.h"

namespace quipu {
namespace {

using Avx2 = MatmulLanes<Columns8, 6>;

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_AVX2_H_
