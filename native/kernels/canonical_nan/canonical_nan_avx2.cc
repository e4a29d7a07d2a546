// AVX2: eight lanes at a time, then the rest one by one.
#include <immintrin.h>

#include "kernels/canonical_nan/canonical_nan.h"
#include "kernels/math/canonical.h"

namespace quipu {

void CanonicalNanF32Avx2(const uint32_t* from, uint32_t* to, int64_t count) {
  const __m256 canonical = _mm256_castsi256_ps(_mm256_set1_epi32(kCanonicalNan));
  const bool in_place = from == to;
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 x = _mm256_loadu_ps(reinterpret_cast<const float*>(from + i));
    const __m256 is_nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    if (in_place && _mm256_testz_ps(is_nan, is_nan)) continue;  // nothing to write back to memory
    const __m256 clean = _mm256_blendv_ps(x, canonical, is_nan);
    _mm256_storeu_ps(reinterpret_cast<float*>(to + i), clean);
  }
  for (; i < count; ++i) to[i] = CanonicalBitsF32(from[i]);
}

}  // namespace quipu
