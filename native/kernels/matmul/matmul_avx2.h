// AVX2 with FMA: micro tiles of 6 × 16, 12 accumulators, two vectors of B and two broadcasts of A.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_AVX2_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_AVX2_H_

#include <immintrin.h>

#include "kernels/lanes/columns8.h"
#include "kernels/matmul/matmul_vector.h"

namespace quipu {
namespace {

template <int kLive>
static inline void MicroTile(const float* a, const float* b, int64_t depth, float* c,
                             int64_t c_stride, __m256i left, __m256i right, bool first) {
  __m256 sum[kLive][2];
#pragma GCC unroll 6
  for (int r = 0; r < kLive; ++r) {
    sum[r][0] = sum[r][1] = _mm256_setzero_ps();
    _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride), _MM_HINT_T0);
  }
  for (int64_t p = 0; p < depth; ++p) {
    const __m256 b0 = _mm256_load_ps(b);
    const __m256 b1 = _mm256_load_ps(b + 8);
#pragma GCC unroll 6
    for (int r = 0; r < kLive; ++r) {
      const __m256 value = _mm256_broadcast_ss(a + r);
      sum[r][0] = _mm256_fmadd_ps(value, b0, sum[r][0]);
      sum[r][1] = _mm256_fmadd_ps(value, b1, sum[r][1]);
    }
    a += kLive;
    b += 16;
  }
#pragma GCC unroll 6
  for (int r = 0; r < kLive; ++r) {
    float* out = c + r * c_stride;
    __m256 total0 = sum[r][0];
    __m256 total1 = sum[r][1];
    if (!first) {
      total0 = _mm256_add_ps(_mm256_maskload_ps(out, left), total0);
      total1 = _mm256_add_ps(_mm256_maskload_ps(out + 8, right), total1);
    }
    _mm256_maskstore_ps(out, left, total0);
    _mm256_maskstore_ps(out + 8, right, total1);
  }
}

struct Avx2 {
  static constexpr int64_t kRows = 6;
  static constexpr int64_t kColumns = 16;

  static void PackA(const float* a, int64_t stride, int64_t rows, int64_t depth, float* out) {
    for (int64_t p = 0; p < depth; ++p) {
      for (int64_t r = 0; r < rows; ++r) out[p * rows + r] = a[r * stride + p];
    }
  }

  // Eight rows at a time: reads stay in order and each panel is written 512 bytes at once.
  static void PackB(const float* b, int64_t stride, int64_t depth, int64_t columns, float* out) {
    for (int64_t p = 0; p < depth; p += 8) {
      const int64_t end = Least(depth, p + 8);
      for (int64_t x = 0; x < columns; x += kColumns) {
        const __m256i left = Columns8::Below(columns - x);
        const __m256i right = Columns8::Below(columns - x - 8);
        for (int64_t q = p; q < end; ++q) {
          const float* from = b + q * stride + x;
          float* to = out + x * depth + q * kColumns;
          _mm256_store_ps(to, _mm256_maskload_ps(from, left));
          _mm256_store_ps(to + 8, _mm256_maskload_ps(from + 8, right));
        }
      }
    }
  }

  static void Tile(const float* a, const float* b, int64_t depth, float* c, int64_t c_stride,
                   int64_t rows, int64_t columns, bool first) {
    const __m256i left = Columns8::Below(columns);
    const __m256i right = Columns8::Below(columns - 8);
    switch (rows) {
#define QUIPU_ROWS(count) \
  case count:             \
    return MicroTile<count>(a, b, depth, c, c_stride, left, right, first)
      QUIPU_ROWS(1);
      QUIPU_ROWS(2);
      QUIPU_ROWS(3);
      QUIPU_ROWS(4);
      QUIPU_ROWS(5);
      QUIPU_ROWS(6);
#undef QUIPU_ROWS
      default:
        return;
    }
  }

  template <int kSteps>
  static void Strip(const float* a, int64_t a_stride, int64_t rows, const float* b,
                    int64_t b_stride, int64_t width, const float* ahead, float* sums) {
    for (int64_t x = 0; x < width; x += 8) {
      const __m256i live = Columns8::Below(width - x);
      __m256 taken[kSteps];
#pragma GCC unroll 8
      for (int q = 0; q < kSteps; ++q) {
        taken[q] = _mm256_maskload_ps(b + q * b_stride + x, live);
        if (ahead != nullptr && x % 16 == 0) {
          _mm_prefetch(reinterpret_cast<const char*>(ahead + q * b_stride + x), _MM_HINT_T0);
        }
      }
      for (int64_t r = 0; r < rows; ++r) {
        float* at = sums + r * kStripColumns + x;
        __m256 sum = _mm256_load_ps(at);
#pragma GCC unroll 8
        for (int q = 0; q < kSteps; ++q) {
          sum = _mm256_fmadd_ps(_mm256_broadcast_ss(a + r * a_stride + q), taken[q], sum);
        }
        _mm256_store_ps(at, sum);
      }
    }
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_AVX2_H_
