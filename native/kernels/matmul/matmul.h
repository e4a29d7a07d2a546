// C = A × B for row-major binary32 in canonical order (docs/arithmetic.md, "Dot products"): k in
// blocks of 256; inside a block one accumulator per output from +0, k ascending, fused; the total
// starts as the first block's sum and later block sums are added ascending; k = 0 gives +0.
//
// A call computes on the calling thread only. A caller splits work by passing sub-rectangles of C,
// which cannot change a bit: outputs do not share accumulators.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_H_

#include <stddef.h>
#include <stdint.h>

namespace quipu {

// Strides count elements between rows. C may overlap neither A nor B.
struct Matmul {
  const float* a;
  const float* b;
  float* c;
  int64_t a_stride;
  int64_t b_stride;
  int64_t c_stride;
  int64_t m;
  int64_t n;
  int64_t k;
};

// One packed panel of A (at most 8 × 256) and piece of B (256 × 1024); 64-byte aligned; one a
// thread.
constexpr size_t kMatmulPanelRows = 8;
constexpr size_t kMatmulScratchBytes = (kMatmulPanelRows + 1024) * 256 * sizeof(float);

using MatmulF32 = void (*)(const Matmul& job, float* scratch);

void MatmulF32Portable(const Matmul& job, float* scratch);
void MatmulF32Avx2(const Matmul& job, float* scratch);
void MatmulF32Avx512(const Matmul& job, float* scratch);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_H_
