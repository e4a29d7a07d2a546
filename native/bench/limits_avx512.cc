// What AVX-512 yields.
#include <immintrin.h>

#include "bench/contest.h"

namespace quipu::bench {

double MultiplyAddsAvx512(int64_t steps) {
  __m512 sum[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 a = _mm512_set1_ps(0.999f);
  for (int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      sum[i] = _mm512_fmadd_ps(sum[i], a, a);
      __asm__ volatile("" : "+v"(sum[i]));
    }
  }
  return static_cast<double>(steps) * 16 * 32;
}

}  // namespace quipu::bench
