// AVX-512: micro tiles of 14 × 32, 28 accumulators, two vectors of B and one broadcast of A. A
// panel of B (32 KiB) stays in the first-level cache while panels of A (14 KiB) stream past it.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_

#include <immintrin.h>

#include "kernels/lanes/columns16.h"
#include "kernels/matmul/matmul_vector.h"

namespace quipu {
namespace {

// Transposes 16 vectors of 16 in place: r[i] lane j becomes r[j] lane i.
static inline void Transpose16(__m512 r[16]) {
  __m512 t[16];
#pragma GCC unroll 4
  for (int g = 0; g < 16; g += 4) {
    const __m512 ab_low = _mm512_unpacklo_ps(r[g], r[g + 1]);
    const __m512 ab_high = _mm512_unpackhi_ps(r[g], r[g + 1]);
    const __m512 cd_low = _mm512_unpacklo_ps(r[g + 2], r[g + 3]);
    const __m512 cd_high = _mm512_unpackhi_ps(r[g + 2], r[g + 3]);
    t[g] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
    t[g + 1] = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
    t[g + 2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
    t[g + 3] = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
  }
  // t[4g + c] holds, in 128-bit quarter q, rows 4g … 4g+3 of column 4q + c.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512 low_a = _mm512_shuffle_f32x4(t[c], t[4 + c], 0x44);
    const __m512 low_b = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0x44);
    const __m512 high_a = _mm512_shuffle_f32x4(t[c], t[4 + c], 0xee);
    const __m512 high_b = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0xee);
    r[c] = _mm512_shuffle_f32x4(low_a, low_b, 0x88);
    r[4 + c] = _mm512_shuffle_f32x4(low_a, low_b, 0xdd);
    r[8 + c] = _mm512_shuffle_f32x4(high_a, high_b, 0x88);
    r[12 + c] = _mm512_shuffle_f32x4(high_a, high_b, 0xdd);
  }
}

template <int kLive>
static inline void MicroTile(const float* a, const float* b, int64_t depth, float* c,
                             int64_t c_stride, __mmask16 left, __mmask16 right, bool first) {
  __m512 sum[kLive][2];
#pragma GCC unroll 14
  for (int r = 0; r < kLive; ++r) {
    sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride + 31), _MM_HINT_T0);
  }
  for (int64_t p = 0; p < depth; ++p) {
    const __m512 b0 = _mm512_load_ps(b);
    const __m512 b1 = _mm512_load_ps(b + 16);
#pragma GCC unroll 14
    for (int r = 0; r < kLive; ++r) {
      const __m512 value = _mm512_set1_ps(a[r]);
      sum[r][0] = _mm512_fmadd_ps(value, b0, sum[r][0]);
      sum[r][1] = _mm512_fmadd_ps(value, b1, sum[r][1]);
    }
    a += kLive;
    b += 32;
  }
#pragma GCC unroll 14
  for (int r = 0; r < kLive; ++r) {
    float* out = c + r * c_stride;
    __m512 total0 = sum[r][0];
    __m512 total1 = sum[r][1];
    if (!first) {
      total0 = _mm512_add_ps(_mm512_maskz_loadu_ps(left, out), total0);
      total1 = _mm512_add_ps(_mm512_maskz_loadu_ps(right, out + 16), total1);
    }
    _mm512_mask_storeu_ps(out, left, total0);
    _mm512_mask_storeu_ps(out + 16, right, total1);
  }
}

struct Avx512 {
  static constexpr int64_t kRows = 14;
  static constexpr int64_t kColumns = 32;

  static void PackA(const float* a, int64_t stride, int64_t rows, int64_t depth, float* out) {
    const __mmask16 live = Columns16::Below(rows);
    for (int64_t p = 0; p < depth; p += 16) {
      const int64_t steps = Least(depth - p, 16);
      const __mmask16 mask = Columns16::Below(steps);
      __m512 block[16];
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) {
        block[r] = r < rows ? _mm512_maskz_loadu_ps(mask, a + r * stride + p) : _mm512_setzero_ps();
      }
      Transpose16(block);
#pragma GCC unroll 16
      for (int s = 0; s < 16; ++s) {
        if (s < steps) _mm512_mask_storeu_ps(out + (p + s) * rows, live, block[s]);
      }
    }
  }

  // Eight rows at a time: reads stay in order and each panel is written 1 KiB at once.
  static void PackB(const float* b, int64_t stride, int64_t depth, int64_t columns, float* out) {
    for (int64_t p = 0; p < depth; p += 8) {
      const int64_t end = Least(depth, p + 8);
      for (int64_t x = 0; x < columns; x += kColumns) {
        const __mmask16 left = Columns16::Below(columns - x);
        const __mmask16 right = Columns16::Below(columns - x - 16);
        for (int64_t q = p; q < end; ++q) {
          const float* from = b + q * stride + x;
          float* to = out + x * depth + q * kColumns;
          _mm512_store_ps(to, _mm512_maskz_loadu_ps(left, from));
          _mm512_store_ps(to + 16, _mm512_maskz_loadu_ps(right, from + 16));
        }
      }
    }
  }

  static void Tile(const float* a, const float* b, int64_t depth, float* c, int64_t c_stride,
                   int64_t rows, int64_t columns, bool first) {
    const __mmask16 left = Columns16::Below(columns);
    const __mmask16 right = Columns16::Below(columns - 16);
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
      QUIPU_ROWS(7);
      QUIPU_ROWS(8);
      QUIPU_ROWS(9);
      QUIPU_ROWS(10);
      QUIPU_ROWS(11);
      QUIPU_ROWS(12);
      QUIPU_ROWS(13);
      QUIPU_ROWS(14);
#undef QUIPU_ROWS
      default:
        return;
    }
  }

  template <int kSteps>
  static void Strip(const float* a, int64_t a_stride, int64_t rows, const float* b,
                    int64_t b_stride, int64_t width, const float* ahead, float* sums) {
    for (int64_t x = 0; x < width; x += 16) {
      const __mmask16 live = Columns16::Below(width - x);
      __m512 taken[kSteps];
#pragma GCC unroll 8
      for (int q = 0; q < kSteps; ++q) {
        taken[q] = _mm512_maskz_loadu_ps(live, b + q * b_stride + x);
        if (ahead != nullptr) {
          _mm_prefetch(reinterpret_cast<const char*>(ahead + q * b_stride + x), _MM_HINT_T0);
        }
      }
      for (int64_t r = 0; r < rows; ++r) {
        float* at = sums + r * kStripColumns + x;
        __m512 sum = _mm512_load_ps(at);
#pragma GCC unroll 8
        for (int q = 0; q < kSteps; ++q) {
          sum = _mm512_fmadd_ps(_mm512_set1_ps(a[r * a_stride + q]), taken[q], sum);
        }
        _mm512_store_ps(at, sum);
      }
    }
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_
