// AVX-512: micro tiles of 8 × 32, 16 accumulators. Of the shapes tried this is the fastest: more
// accumulators were slower, fewer wait for the multiply-adds before them.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_

#include "kernels/lanes/columns16.h"
#include "kernels/lanes/columns8.h"
#include "kernels/matmul/matmul_lanes.h"

namespace quipu {
namespace {

// At most eight columns: half a vector costs half the time where a whole one takes two turns. Its
// masks are those of AVX-512, which are stored under in one step.
struct HalfColumns16 : Columns8 {
  using Mask = __mmask8;

  static Mask Below(int64_t lanes) { return static_cast<Mask>(Columns16::Below(lanes)); }
  static Vector LoadPart(const float* at, Mask lanes) { return _mm256_maskz_loadu_ps(lanes, at); }
  static void StorePart(float* at, Mask lanes, Vector value) {
    _mm256_mask_storeu_ps(at, lanes, value);
  }
};

using Avx512 = MatmulLanes<Columns16, 8, HalfColumns16>;

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_
