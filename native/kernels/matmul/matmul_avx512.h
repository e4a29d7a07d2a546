// AVX-512: micro tiles of 8 × 32, 16 accumulators, two vectors of B and one broadcast of A.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_AVX512_H_

#include <immintrin.h>

#include "kernels/lanes/columns16.h"
#include "kernels/matmul/matmul_vector.h"

namespace quipu {
namespace {

// One micro tile, kVectors vectors wide. Eight rows of two vectors are the fastest of the shapes
// tried: more accumulators were slower, fewer wait for the multiply-adds before them.
template <int kLive, int kVectors>
static inline void MicroTile(const float* a, const float* b, int64_t depth, float* c,
                             int64_t c_stride, __mmask16 last, bool first) {
  __m512 sum[kLive][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kLive; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = _mm512_setzero_ps();
      _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride + 16 * v), _MM_HINT_T0);
    }
  }
  for (int64_t p = 0; p < depth; ++p) {
    __m512 taken[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) taken[v] = _mm512_load_ps(b + 16 * v);
#pragma GCC unroll 8
    for (int r = 0; r < kLive; ++r) {
      const __m512 value = _mm512_set1_ps(a[r * kDotBlock]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm512_fmadd_ps(value, taken[v], sum[r][v]);
    }
    ++a;
    b += 32;
  }
#pragma GCC unroll 8
  for (int r = 0; r < kLive; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const __mmask16 live = v == kVectors - 1 ? last : 0xffff;
      float* out = c + r * c_stride + 16 * v;
      __m512 total = sum[r][v];
      if (!first) total = _mm512_add_ps(_mm512_maskz_loadu_ps(live, out), total);
      _mm512_mask_storeu_ps(out, live, total);
    }
  }
}

// At most eight columns: half a vector costs half the time where a whole one takes two turns.
template <int kLive>
static inline void NarrowTile(const float* a, const float* b, int64_t depth, float* c,
                              int64_t c_stride, __mmask8 live, bool first) {
  __m256 sum[kLive];
#pragma GCC unroll 8
  for (int r = 0; r < kLive; ++r) sum[r] = _mm256_setzero_ps();
  for (int64_t p = 0; p < depth; ++p) {
    const __m256 taken = _mm256_load_ps(b);
#pragma GCC unroll 8
    for (int r = 0; r < kLive; ++r) {
      sum[r] = _mm256_fmadd_ps(_mm256_broadcast_ss(a + r * kDotBlock), taken, sum[r]);
    }
    ++a;
    b += 32;
  }
#pragma GCC unroll 8
  for (int r = 0; r < kLive; ++r) {
    float* out = c + r * c_stride;
    __m256 total = sum[r];
    if (!first) total = _mm256_add_ps(_mm256_maskz_loadu_ps(live, out), total);
    _mm256_mask_storeu_ps(out, live, total);
  }
}

template <int kLive>
static inline void TileOfRows(const float* a, const float* b, int64_t depth, float* c,
                              int64_t c_stride, int64_t columns, bool first) {
  if (columns > 16 && columns <= 24) {
    MicroTile<kLive, 1>(a, b, depth, c, c_stride, 0xffff, first);
    const auto live = static_cast<__mmask8>(Columns16::Below(columns - 16));
    NarrowTile<kLive>(a, b + 16, depth, c + 16, c_stride, live, first);
  } else if (columns > 16) {
    const __mmask16 last = Columns16::Below(columns - 16);
    MicroTile<kLive, 2>(a, b, depth, c, c_stride, last, first);
  } else if (columns > 8) {
    MicroTile<kLive, 1>(a, b, depth, c, c_stride, Columns16::Below(columns), first);
  } else {
    const auto live = static_cast<__mmask8>(Columns16::Below(columns));
    NarrowTile<kLive>(a, b, depth, c, c_stride, live, first);
  }
}

struct Avx512 {
  static constexpr int64_t kRows = 8;
  static constexpr int64_t kColumns = 32;

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
    switch (rows) {
#define QUIPU_ROWS(count) \
  case count:             \
    return TileOfRows<count>(a, b, depth, c, c_stride, columns, first)
      QUIPU_ROWS(1);
      QUIPU_ROWS(2);
      QUIPU_ROWS(3);
      QUIPU_ROWS(4);
      QUIPU_ROWS(5);
      QUIPU_ROWS(6);
      QUIPU_ROWS(7);
      QUIPU_ROWS(8);
#undef QUIPU_ROWS
      default:
        return;
    }
  }

  template <int kSteps>
  static void Strip(const float* a, int64_t a_stride, int64_t rows, const float* b,
                    int64_t b_stride, int64_t width, const float* ahead, float* sums,
                    int64_t strip) {
    for (int64_t x = 0; x < width; x += 16) {
      const __mmask16 live = Columns16::Below(width - x);
      __m512 taken[kSteps];
#pragma GCC unroll 8
      for (int q = 0; q < kSteps; ++q) {
        taken[q] = _mm512_maskz_loadu_ps(live, b + q * b_stride + x);
        if (ahead != nullptr) {
          _mm_prefetch(reinterpret_cast<const char*>(ahead + q * b_stride + x), _MM_HINT_T1);
        }
      }
      for (int64_t r = 0; r < rows; ++r) {
        float* at = sums + r * strip + x;
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
