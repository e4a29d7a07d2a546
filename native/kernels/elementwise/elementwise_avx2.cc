// AVX2: eight lanes at a time, then the rest one by one.
#include <immintrin.h>

#include "kernels/elementwise/elementwise.h"
#include "kernels/math/canonical.h"

namespace quipu {
namespace {

static inline __m256 Lanes(const float* from, int64_t i, int64_t step) {
  return step == 0 ? _mm256_broadcast_ss(from) : _mm256_loadu_ps(from + i);
}

}  // namespace

void AddF32Avx2(const Elementwise& job) {
  int64_t i = 0;
  for (; i + 8 <= job.count; i += 8) {
    const __m256 a = Lanes(job.a, i, job.a_step);
    const __m256 b = Lanes(job.b, i, job.b_step);
    _mm256_storeu_ps(job.out + i, _mm256_add_ps(a, b));
  }
  for (; i < job.count; ++i) job.out[i] = job.a[i * job.a_step] + job.b[i * job.b_step];
}

void MultiplyF32Avx2(const Elementwise& job) {
  int64_t i = 0;
  for (; i + 8 <= job.count; i += 8) {
    const __m256 a = Lanes(job.a, i, job.a_step);
    const __m256 b = Lanes(job.b, i, job.b_step);
    _mm256_storeu_ps(job.out + i, _mm256_mul_ps(a, b));
  }
  for (; i < job.count; ++i) job.out[i] = job.a[i * job.a_step] * job.b[i * job.b_step];
}

void CanonicalNanF32Avx2(const uint32_t* from, uint32_t* to, int64_t count) {
  const __m256 canonical = _mm256_castsi256_ps(_mm256_set1_epi32(kCanonicalNan));
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 x = _mm256_loadu_ps(reinterpret_cast<const float*>(from + i));
    const __m256 is_nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    const __m256 clean = _mm256_blendv_ps(x, canonical, is_nan);
    _mm256_storeu_ps(reinterpret_cast<float*>(to + i), clean);
  }
  for (; i < count; ++i) to[i] = CanonicalBitsF32(from[i]);
}

}  // namespace quipu
