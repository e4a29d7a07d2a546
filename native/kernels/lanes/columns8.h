// Eight binary32 columns of a row in AVX2 registers, under masks, a step apart in memory.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_LANES_COLUMNS8_H_
#define QUIPU_KERNELS_LANES_COLUMNS8_H_

#include <immintrin.h>
#include <stdint.h>

#include <type_traits>

namespace quipu {
namespace {

struct Columns8 {
  static constexpr int64_t kLanes = 8;
  using Vector = __m256;
  using Mask = __m256i;  // all ones in the lanes that are meant

  static Mask Below(int64_t lanes) {
    const int live = static_cast<int>(lanes < 0 ? 0 : lanes > 8 ? 8 : lanes);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(live), LaneNumbers());
  }
  static Mask Between(int64_t begin, int64_t end) {
    return _mm256_andnot_si256(Below(begin), Below(end));
  }

  static Vector Fill(float value) { return _mm256_set1_ps(value); }
  static Vector Fused(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector Add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector Divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }

  // The greater one, +0 above -0; where one is NaN, no matter what. Of two zeros each maximum is
  // its second operand; of two other numbers both are the same.
  static Vector Greater(Vector a, Vector b) {
    return _mm256_and_ps(_mm256_max_ps(a, b), _mm256_max_ps(b, a));
  }
  static Mask IsNan(Vector x) { return _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)); }
  static Mask Either(Mask a, Mask b) { return _mm256_or_si256(a, b); }
  static Vector Pick(Mask lanes, Vector value, Vector rest) {
    return _mm256_blendv_ps(rest, value, _mm256_castsi256_ps(lanes));
  }

  // Of 16 elements in a row every other one, from the first or the second on.
  static Vector EvenOf(Vector low, Vector high) {
    return Ordered(_mm256_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
  }
  static Vector OddOf(Vector low, Vector high) {
    return Ordered(_mm256_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1)));
  }
  // Eight elements in a row, from `kCount` (0 to 3) after the first of `low` on.
  template <int kCount>
  static Vector After(Vector low, Vector high) {
    const __m256 middle = _mm256_permute2f128_ps(low, high, 0x21);
    return _mm256_castsi256_ps(
        _mm256_alignr_epi8(_mm256_castps_si256(middle), _mm256_castps_si256(low), 4 * kCount));
  }

  static Vector Load(const float* at) { return _mm256_loadu_ps(at); }
  static Vector LoadPart(const float* at, Mask lanes) { return _mm256_maskload_ps(at, lanes); }
  static void Store(float* at, Vector value) { _mm256_storeu_ps(at, value); }
  static void StorePart(float* at, Mask lanes, Vector value) {
    _mm256_maskstore_ps(at, lanes, value);
  }

  // A mask as Take wants it.
  struct Even {
    Mask lanes;
    Mask low;  // of the eight elements of which every other one is wanted, and of the next
    Mask high;
  };
  template <int kStep>
  using Ready = std::conditional_t<kStep == 2, Even, Mask>;
  template <int kStep>
  static Ready<kStep> Prepare(Mask lanes) {
    if constexpr (kStep == 2) {
      return Even{lanes, _mm256_cvtepu32_epi64(_mm256_castsi256_si128(lanes)),
                  _mm256_cvtepu32_epi64(_mm256_extracti128_si256(lanes, 1))};
    } else {
      return lanes;
    }
  }

  // Lanes kStep elements apart, or `step` when that is 0; those that are not under the mask are not
  // read and are `rest`.
  template <int kStep>
  static Vector Take(const float* at, Ready<kStep> lanes, int64_t step, Vector rest) {
    if constexpr (kStep == 1) {
      return Pick(lanes, _mm256_maskload_ps(at, lanes), rest);
    } else if constexpr (kStep == 2) {
      const __m256 low = _mm256_maskload_ps(at, lanes.low);
      const __m256 high = _mm256_maskload_ps(at + 8, lanes.high);
      return Pick(lanes.lanes, EvenOf(low, high), rest);
    } else {
      const __m256i apart = _mm256_set1_epi32(static_cast<int>(step));
      const __m256i index = _mm256_mullo_epi32(LaneNumbers(), apart);
      return _mm256_mask_i32gather_ps(rest, at, index, _mm256_castsi256_ps(lanes), 4);
    }
  }

 private:
  // Pairs of lanes out of the order in which a shuffle of two registers leaves them.
  static Vector Ordered(Vector pairs) {
    return _mm256_castpd_ps(
        _mm256_permute4x64_pd(_mm256_castps_pd(pairs), _MM_SHUFFLE(3, 1, 2, 0)));
  }
  static __m256i LaneNumbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_COLUMNS8_H_
