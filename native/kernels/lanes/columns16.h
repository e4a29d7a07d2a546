// Sixteen binary32 columns of a row in AVX-512 registers, under masks, a step apart in memory.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_LANES_COLUMNS16_H_
#define QUIPU_KERNELS_LANES_COLUMNS16_H_

#include <immintrin.h>
#include <stdint.h>

#include <type_traits>

// GCC's own header builds "undefined" vectors from themselves and then warns about it.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace quipu {
namespace {

struct Columns16 {
  static constexpr int64_t kLanes = 16;
  using Vector = __m512;
  using Mask = __mmask16;

  static Mask Below(int64_t lanes) {
    return lanes >= 16 ? 0xffff : lanes <= 0 ? 0 : static_cast<Mask>((1u << lanes) - 1);
  }
  static Mask Between(int64_t begin, int64_t end) {
    return static_cast<Mask>(Below(end) & ~Below(begin));
  }

  static Vector Fill(float value) { return _mm512_set1_ps(value); }
  static Vector Fused(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector Add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector Divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }

  // The greater one, +0 above -0; where one is NaN, no matter what.
  static Vector Greater(Vector a, Vector b) { return _mm512_range_ps(a, b, 5); }
  static Mask IsNan(Vector x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
  static Mask Either(Mask a, Mask b) { return static_cast<Mask>(a | b); }
  static Vector Pick(Mask lanes, Vector value, Vector rest) {
    return _mm512_mask_mov_ps(rest, lanes, value);
  }

  // Of 32 elements in a row every other one, from the first or the second on.
  static Vector EvenOf(Vector low, Vector high) {
    return _mm512_permutex2var_ps(low, _mm512_slli_epi32(LaneNumbers(), 1), high);
  }
  static Vector OddOf(Vector low, Vector high) {
    const __m512i pick = _mm512_slli_epi32(LaneNumbers(), 1);
    return _mm512_permutex2var_ps(low, _mm512_add_epi32(pick, _mm512_set1_epi32(1)), high);
  }
  // Sixteen elements in a row, from `kCount` (0 to 3) after the first of `low` on.
  template <int kCount>
  static Vector After(Vector low, Vector high) {
    return _mm512_castsi512_ps(
        _mm512_alignr_epi32(_mm512_castps_si512(high), _mm512_castps_si512(low), kCount));
  }

  static Vector Load(const float* at) { return _mm512_loadu_ps(at); }
  static Vector LoadPart(const float* at, Mask lanes) { return _mm512_maskz_loadu_ps(lanes, at); }
  static void Store(float* at, Vector value) { _mm512_storeu_ps(at, value); }
  static void StorePart(float* at, Mask lanes, Vector value) {
    _mm512_mask_storeu_ps(at, lanes, value);
  }

  // A mask as Take wants it.
  struct Even {
    Mask lanes;
    Mask low;  // of the sixteen elements of which every other one is wanted, and of the next
    Mask high;
  };
  template <int kStep>
  using Ready = std::conditional_t<kStep == 2, Even, Mask>;
  template <int kStep>
  static Ready<kStep> Prepare(Mask lanes) {
    if constexpr (kStep == 2) {
      const uint32_t even = _pdep_u32(lanes, 0x55555555u);
      return Even{lanes, static_cast<Mask>(even), static_cast<Mask>(even >> 16)};
    } else {
      return lanes;
    }
  }

  // Lanes kStep elements apart, or `step` when that is 0; those that are not under the mask are not
  // read and are `rest`.
  template <int kStep>
  static Vector Take(const float* at, Ready<kStep> lanes, int64_t step, Vector rest) {
    if constexpr (kStep == 1) {
      return _mm512_mask_loadu_ps(rest, lanes, at);
    } else if constexpr (kStep == 2) {
      const __m512 low = _mm512_maskz_loadu_ps(lanes.low, at);
      const __m512 high = _mm512_maskz_loadu_ps(lanes.high, at + 16);
      return Pick(lanes.lanes, EvenOf(low, high), rest);
    } else {
      const __m512i apart = _mm512_set1_epi32(static_cast<int>(step));
      return _mm512_mask_i32gather_ps(rest, lanes, _mm512_mullo_epi32(LaneNumbers(), apart), at, 4);
    }
  }

 private:
  static __m512i LaneNumbers() {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_COLUMNS16_H_
