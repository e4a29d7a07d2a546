// AVX-512: sixteen lanes at a time; the last ones under a mask.
#include <immintrin.h>

#include "kernels/elementwise/elementwise.h"
#include "kernels/math/canonical.h"

namespace quipu {
namespace {

static inline __mmask16 MaskOf(int64_t lanes) {
  return lanes >= 16 ? 0xffff : static_cast<__mmask16>((1u << lanes) - 1);
}

static inline __m512 Lanes(__mmask16 live, const float* from, int64_t i, int64_t step) {
  return step == 0 ? _mm512_set1_ps(*from) : _mm512_maskz_loadu_ps(live, from + i);
}

}  // namespace

void AddF32Avx512(const Elementwise& job) {
  for (int64_t i = 0; i < job.count; i += 16) {
    const __mmask16 live = MaskOf(job.count - i);
    const __m512 a = Lanes(live, job.a, i, job.a_step);
    const __m512 b = Lanes(live, job.b, i, job.b_step);
    _mm512_mask_storeu_ps(job.out + i, live, _mm512_add_ps(a, b));
  }
}

void MultiplyF32Avx512(const Elementwise& job) {
  for (int64_t i = 0; i < job.count; i += 16) {
    const __mmask16 live = MaskOf(job.count - i);
    const __m512 a = Lanes(live, job.a, i, job.a_step);
    const __m512 b = Lanes(live, job.b, i, job.b_step);
    _mm512_mask_storeu_ps(job.out + i, live, _mm512_mul_ps(a, b));
  }
}

void CanonicalNanF32Avx512(const uint32_t* from, uint32_t* to, int64_t count) {
  const __m512i canonical = _mm512_set1_epi32(kCanonicalNan);
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 live = MaskOf(count - i);
    const __m512i x = _mm512_maskz_loadu_epi32(live, from + i);
    const __m512 value = _mm512_castsi512_ps(x);
    const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    _mm512_mask_storeu_epi32(to + i, live, _mm512_mask_mov_epi32(x, is_nan, canonical));
  }
}

}  // namespace quipu
