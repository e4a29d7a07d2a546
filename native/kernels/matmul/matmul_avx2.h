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

// One micro tile, kVectors vectors wide.
template <int kLive, int kVectors>
static inline void MicroTile(const float* a, const float* b, int64_t depth, float* c,
                             int64_t c_stride, __m256i last, bool first) {
  __m256 sum[kLive][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < kLive; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm256_setzero_ps();
  }
  for (int64_t p = 0; p < depth; ++p) {
    __m256 taken[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) taken[v] = _mm256_load_ps(b + 8 * v);
#pragma GCC unroll 6
    for (int r = 0; r < kLive; ++r) {
      const __m256 value = _mm256_broadcast_ss(a + r * kDotBlock);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[r][v] = _mm256_fmadd_ps(value, taken[v], sum[r][v]);
    }
    ++a;
    b += 16;
  }
#pragma GCC unroll 6
  for (int r = 0; r < kLive; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      float* out = c + r * c_stride + 8 * v;
      __m256 total = sum[r][v];
      if (v < kVectors - 1) {
        if (!first) total = _mm256_add_ps(_mm256_loadu_ps(out), total);
        _mm256_storeu_ps(out, total);
      } else {
        if (!first) total = _mm256_add_ps(_mm256_maskload_ps(out, last), total);
        _mm256_maskstore_ps(out, last, total);
      }
    }
  }
}

template <int kLive>
static inline void TileOfRows(const float* a, const float* b, int64_t depth, float* c,
                              int64_t c_stride, int64_t columns, bool first) {
  if (columns > 8) {
    MicroTile<kLive, 2>(a, b, depth, c, c_stride, Columns8::Below(columns - 8), first);
  } else {
    MicroTile<kLive, 1>(a, b, depth, c, c_stride, Columns8::Below(columns), first);
  }
}

struct Avx2 {
  static constexpr int64_t kRows = 6;
  static constexpr int64_t kColumns = 16;

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
#undef QUIPU_ROWS
      default:
        return;
    }
  }

  template <int kSteps>
  static void Strip(const float* a, int64_t a_stride, int64_t rows, const float* b,
                    int64_t b_stride, int64_t width, const float* ahead, float* sums,
                    int64_t strip) {
    for (int64_t x = 0; x < width; x += 8) {
      const __m256i live = Columns8::Below(width - x);
      __m256 taken[kSteps];
#pragma GCC unroll 8
      for (int q = 0; q < kSteps; ++q) {
        taken[q] = _mm256_maskload_ps(b + q * b_stride + x, live);
        if (ahead != nullptr && x % 16 == 0) {
          _mm_prefetch(reinterpret_cast<const char*>(ahead + q * b_stride + x), _MM_HINT_T1);
        }
      }
      for (int64_t r = 0; r < rows; ++r) {
        float* at = sums + r * strip + x;
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
