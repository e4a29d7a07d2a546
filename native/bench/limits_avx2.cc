// What AVX2 and the memory yield.
#include <immintrin.h>

#include "bench/contest.h"

namespace quipu::bench {

double MultiplyAddsAvx2(int64_t steps) {
  __m256 sum[12];
#pragma GCC unroll 12
  for (int i = 0; i < 12; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 a = _mm256_set1_ps(0.999f);
  for (int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) {
      sum[i] = _mm256_fmadd_ps(sum[i], a, a);
      __asm__ volatile("" : "+x"(sum[i]));
    }
  }
  return static_cast<double>(steps) * 12 * 16;
}

void ReadAvx2(const float* from, int64_t count) {
  __m256 sum[4] = {};
  const int64_t quarter = count / 4;
  for (int64_t i = 0; i < quarter; i += 16) {
#pragma GCC unroll 4
    for (int stream = 0; stream < 4; ++stream) {
      const float* at = from + stream * quarter + i;
      sum[stream] = _mm256_add_ps(sum[stream], _mm256_load_ps(at));
      sum[stream] = _mm256_add_ps(sum[stream], _mm256_load_ps(at + 8));
    }
  }
#pragma GCC unroll 4
  for (int stream = 0; stream < 4; ++stream) __asm__ volatile("" : : "x"(sum[stream]));
}

void CopyAvx2(const float* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) {
    _mm256_stream_ps(to + i, _mm256_load_ps(from + i));
    _mm256_stream_ps(to + i + 8, _mm256_load_ps(from + i + 8));
  }
  _mm_sfence();
}

}  // namespace quipu::bench
