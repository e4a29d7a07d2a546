// AVX-512: sixteen lanes at a time; the last ones under a mask.
#include <immintrin.h>

#include "kernels/canonical_nan/canonical_nan.h"
#include "kernels/math/canonical.h"

namespace quipu {
namespace {

static inline __mmask16 MaskOf(int64_t lanes) {
  return lanes >= 16 ? 0xffff : static_cast<__mmask16>((1u << lanes) - 1);
}

}  // namespace

void CanonicalNanF32Avx512(const uint32_t* from, uint32_t* to, int64_t count) {
  const __m512i canonical = _mm512_set1_epi32(kCanonicalNan);
  const bool in_place = from == to;
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 live = MaskOf(count - i);
    const __m512i x = _mm512_maskz_loadu_epi32(live, from + i);
    const __m512 value = _mm512_castsi512_ps(x);
    const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    if (in_place && is_nan == 0) continue;  // nothing to write back to memory
    _mm512_mask_storeu_epi32(to + i, live, _mm512_mask_mov_epi32(x, is_nan, canonical));
  }
}

}  // namespace quipu
