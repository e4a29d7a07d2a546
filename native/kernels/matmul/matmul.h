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

// A right-hand matrix copied into panels as a backend reads them, once for many products: for each
// block of k one panel after the other, each so many columns wide and as deep as the block.
struct MatmulPanels {
  const float* data = nullptr;  // 64-byte aligned
  int64_t columns = 0;          // of all panels together
  int64_t first = 0;            // of a product with some of the columns; where a panel begins
};

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
  MatmulPanels panels = {};  // of this backend, in place of b; or none
};

// One packed panel of A (at most 8 × 256) and piece of B (256 × 1024); 64-byte aligned; one a
// thread.
constexpr size_t kMatmulPanelRows = 8;
constexpr size_t kMatmulScratchBytes = (kMatmulPanelRows + 1024) * 256 * sizeof(float);

using MatmulF32 = void (*)(const Matmul& job, float* scratch);

// Columns of the panels of n columns; a multiple of them is where a panel begins.
constexpr int64_t kMatmulPanelColumns = 32;
constexpr int64_t MatmulPanelsColumns(int64_t n) {
  return (n + kMatmulPanelColumns - 1) / kMatmulPanelColumns * kMatmulPanelColumns;
}

// Fewer rows read the right-hand matrix as fast where it lies; more of them make up for copying it
// each time.
constexpr int64_t kMatmulPackRowsMin = 4, kMatmulPackRowsMax = 512;

// Fills k × MatmulPanelsColumns(n) elements with the panels of job.b.
using MatmulPackF32 = void (*)(const Matmul& job, float* panels);

void MatmulPackF32Avx2(const Matmul& job, float* panels);
void MatmulPackF32Avx512(const Matmul& job, float* panels);

void MatmulF32Portable(const Matmul& job, float* scratch);
void MatmulF32Avx2(const Matmul& job, float* scratch);
void MatmulF32Avx512(const Matmul& job, float* scratch);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_H_
