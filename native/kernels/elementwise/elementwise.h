// Elementwise add and multiply of binary32: one rounding an element, IEEE-754, nothing fuses.
#ifndef QUIPU_KERNELS_ELEMENTWISE_ELEMENTWISE_H_
#define QUIPU_KERNELS_ELEMENTWISE_ELEMENTWISE_H_

#include <stdint.h>

namespace quipu {

// out[i] = a[i·a_step] ∘ b[i·b_step] for i < count; a step is 0 (broadcast) or 1. `out` may be
// `a` or `b` when that operand's step is 1.
struct Elementwise {
  const float* a;
  const float* b;
  float* out;
  int64_t count;
  int64_t a_step;
  int64_t b_step;
};

using ElementwiseF32 = void (*)(const Elementwise& job);
using CanonicalNanF32 = void (*)(const uint32_t* from, uint32_t* to, int64_t count);

void AddF32Portable(const Elementwise& job);
void AddF32Avx2(const Elementwise& job);
void AddF32Avx512(const Elementwise& job);

void MultiplyF32Portable(const Elementwise& job);
void MultiplyF32Avx2(const Elementwise& job);
void MultiplyF32Avx512(const Elementwise& job);

// Copies binary32 bits and makes each NaN the canonical one: what an output goes through.
void CanonicalNanF32Portable(const uint32_t* from, uint32_t* to, int64_t count);
void CanonicalNanF32Avx2(const uint32_t* from, uint32_t* to, int64_t count);
void CanonicalNanF32Avx512(const uint32_t* from, uint32_t* to, int64_t count);

}  // namespace quipu

#endif  // QUIPU_KERNELS_ELEMENTWISE_ELEMENTWISE_H_
