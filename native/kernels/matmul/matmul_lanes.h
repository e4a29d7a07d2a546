// Micro tiles, panels and strips of the vector backends, over Lanes: Columns8 or Columns16. A tile
// is kRowCount rows by two vectors: an accumulator each, two vectors of B and one broadcast of A.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_LANES_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_LANES_H_

#include <immintrin.h>

#include <type_traits>
#include <utility>

#include "kernels/matmul/matmul_vector.h"

namespace quipu {
namespace {

// Half: lanes of half a vector, where a narrow last tile is worth them; or void.
template <typename Lanes, int kRowCount, typename Half = void>
struct MatmulLanes {
  static constexpr int64_t kLanes = Lanes::kLanes;
  static constexpr int64_t kRows = kRowCount;
  static constexpr int64_t kColumns = 2 * kLanes;

  // Eight rows at a time: reads stay in order, and each panel is written in a piece of 512 bytes or
  // 1 KiB.
  static void PackB(const float* b, int64_t stride, int64_t depth, int64_t columns, float* out) {
    for (int64_t p = 0; p < depth; p += 8) {
      const int64_t end = Least(depth, p + 8);
      for (int64_t x = 0; x < columns; x += kColumns) {
        const typename Lanes::Mask left = Lanes::Below(columns - x);
        const typename Lanes::Mask right = Lanes::Below(columns - x - kLanes);
        for (int64_t q = p; q < end; ++q) {
          const float* from = b + q * stride + x;
          float* to = out + x * depth + q * kColumns;
          Lanes::Store(to, Lanes::LoadPart(from, left));
          Lanes::Store(to + kLanes, Lanes::LoadPart(from + kLanes, right));
        }
      }
    }
  }

  static void Tile(const float* a, const float* b, int64_t depth, float* c, int64_t c_stride,
                   int64_t rows, int64_t columns, bool first) {
    const auto choose = [&]<int... r>(std::integer_sequence<int, r...>) {
      (void)((rows == kRowCount - r &&
              (TileOfRows<kRowCount - r>(a, b, depth, c, c_stride, columns, first), true)) ||
             ...);
    };
    choose(std::make_integer_sequence<int, kRowCount>{});
  }

  // By itself: inside its caller the registers do not suffice.
  template <int kSteps>
  [[gnu::noinline]] static void Strip(const float* a, int64_t a_stride, int64_t rows,
                                      const float* b, int64_t b_stride, int64_t width,
                                      const float* ahead, float* sums, int64_t strip) {
    for (int64_t x = 0; x < width; x += kLanes) {
      const typename Lanes::Mask live = Lanes::Below(width - x);
      typename Lanes::Vector taken[kSteps];
#pragma GCC unroll 8
      for (int q = 0; q < kSteps; ++q) {
        taken[q] = Lanes::LoadPart(b + q * b_stride + x, live);
        if (ahead != nullptr && x % 16 == 0) {
          _mm_prefetch(reinterpret_cast<const char*>(ahead + q * b_stride + x), _MM_HINT_T1);
        }
      }
      for (int64_t r = 0; r < rows; ++r) {
        float* at = sums + r * strip + x;
        typename Lanes::Vector sum = Lanes::Load(at);
#pragma GCC unroll 8
        for (int q = 0; q < kSteps; ++q) {
          sum = Lanes::Fused(Lanes::Fill(a[r * a_stride + q]), taken[q], sum);
        }
        Lanes::Store(at, sum);
      }
    }
  }

 private:
  // One micro tile, kVectors vectors of V wide.
  template <typename V, int kLive, int kVectors>
  static inline void MicroTile(const float* a, const float* b, int64_t depth, float* c,
                               int64_t c_stride, typename V::Mask last, bool first) {
    typename V::Vector sum[kLive][kVectors];
#pragma GCC unroll 8
    for (int r = 0; r < kLive; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = V::Fill(0.0f);
        if (kLanes < 16) continue;  // the smaller tiles gain nothing by it
        _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride + V::kLanes * v), _MM_HINT_T0);
      }
    }
    for (int64_t p = 0; p < depth; ++p) {
      typename V::Vector taken[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) taken[v] = V::Load(b + V::kLanes * v);
#pragma GCC unroll 8
      for (int r = 0; r < kLive; ++r) {
        const typename V::Vector value = V::Fill(a[r * kDotBlock]);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sum[r][v] = V::Fused(value, taken[v], sum[r][v]);
      }
      ++a;
      b += kColumns;
    }
#pragma GCC unroll 8
    for (int r = 0; r < kLive; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        float* out = c + r * c_stride + V::kLanes * v;
        typename V::Vector total = sum[r][v];
        if (v < kVectors - 1) {
          if (!first) total = V::Add(V::Load(out), total);
          V::Store(out, total);
        } else {
          if (!first) total = V::Add(V::LoadPart(out, last), total);
          V::StorePart(out, last, total);
        }
      }
    }
  }

  template <int kLive>
  static inline void TileOfRows(const float* a, const float* b, int64_t depth, float* c,
                                int64_t c_stride, int64_t columns, bool first) {
    if constexpr (!std::is_void_v<Half>) {
      const int64_t whole = columns > kLanes ? kLanes : 0;
      if (columns - whole <= Half::kLanes) {
        if (whole != 0) {
          MicroTile<Lanes, kLive, 1>(a, b, depth, c, c_stride, Lanes::Below(kLanes), first);
        }
        return MicroTile<Half, kLive, 1>(a, b + whole, depth, c + whole, c_stride,
                                         Half::Below(columns - whole), first);
      }
    }
    if (columns > kLanes) {
      MicroTile<Lanes, kLive, 2>(a, b, depth, c, c_stride, Lanes::Below(columns - kLanes), first);
    } else {
      MicroTile<Lanes, kLive, 1>(a, b, depth, c, c_stride, Lanes::Below(columns), first);
    }
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_LANES_H_
