// Sixteen lanes of binary32, as in floats1.h. For files compiled for AVX-512 only; copies as in
// lanes16.h.
#ifndef QUIPU_KERNELS_LANES_FLOATS16_H_
#define QUIPU_KERNELS_LANES_FLOATS16_H_

#include <immintrin.h>

#include <cstdint>

#include "kernels/lanes/inline.h"

namespace quipu {
namespace {

struct Floats16 {
  using Float = __m512;
  typedef uint32_t Int __attribute__((vector_size(64)));
  using Mask = __mmask16;
  static constexpr int kLanes = 16;

  QUIPU_LANES Float Load(const float* from) { return _mm512_loadu_ps(from); }
  QUIPU_LANES void Store(float* to, Float x) { _mm512_storeu_ps(to, x); }
  QUIPU_LANES __mmask16 Live(int64_t count) {
    return count >= 16 ? 0xffff : static_cast<__mmask16>((1u << count) - 1);
  }
  QUIPU_LANES Float LoadFirst(const float* from, int64_t count) {
    return _mm512_maskz_loadu_ps(Live(count), from);
  }
  QUIPU_LANES void StoreFirst(float* to, Float x, int64_t count) {
    _mm512_mask_storeu_ps(to, Live(count), x);
  }
  QUIPU_LANES Float Set(float x) { return _mm512_set1_ps(x); }
  QUIPU_LANES Int SetInt(uint32_t x) {
    return reinterpret_cast<Int>(_mm512_set1_epi32(static_cast<int>(x)));
  }
  QUIPU_LANES Int Bits(Float x) { return reinterpret_cast<Int>(x); }
  QUIPU_LANES Float OfBits(Int bits) { return reinterpret_cast<Float>(bits); }

  QUIPU_LANES Float Fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  QUIPU_LANES Float Sqrt(Float x) { return _mm512_sqrt_ps(x); }
  QUIPU_LANES Float Absolute(Float x) { return _mm512_andnot_ps(Set(-0.0f), x); }
  QUIPU_LANES Float WithSign(Float size, Float sign) {
    const __m512i bits = _mm512_ternarylogic_epi32(  // where the mask has a bit: that of the sign
        _mm512_castps_si512(Set(-0.0f)), _mm512_castps_si512(sign), _mm512_castps_si512(size),
        0xca);
    return _mm512_castsi512_ps(bits);
  }
  QUIPU_LANES Float GreaterOrSecond(Float a, Float b) { return _mm512_max_ps(a, b); }
  QUIPU_LANES Float LessOrSecond(Float a, Float b) { return _mm512_min_ps(a, b); }
  // vrangeps prefers numbers to NaN; the sum does not.
  QUIPU_LANES Float Maximum(Float a, Float b) {
    return _mm512_mask_add_ps(_mm512_range_ps(a, b, 5), EitherNan(a, b), a, b);
  }
  QUIPU_LANES Float Minimum(Float a, Float b) {
    return _mm512_mask_add_ps(_mm512_range_ps(a, b, 4), EitherNan(a, b), a, b);
  }

  QUIPU_LANES Float RoundEven(Float x) { return _mm512_roundscale_ps(x, 8); }
  QUIPU_LANES Float Floor(Float x) { return _mm512_roundscale_ps(x, 9); }
  QUIPU_LANES Float Ceil(Float x) { return _mm512_roundscale_ps(x, 10); }
  QUIPU_LANES Float Truncate(Float x) { return _mm512_roundscale_ps(x, 11); }

  QUIPU_LANES Mask Less(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  QUIPU_LANES Mask LessOrEqual(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
  QUIPU_LANES Mask Equal(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
  QUIPU_LANES Mask IsNan(Float x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
  QUIPU_LANES Mask NonZero(Int x) {
    const __m512i bits = reinterpret_cast<__m512i>(x);
    return _mm512_test_epi32_mask(bits, bits);
  }
  QUIPU_LANES Mask And(Mask a, Mask b) { return _kand_mask16(a, b); }
  QUIPU_LANES Mask Or(Mask a, Mask b) { return _kor_mask16(a, b); }
  QUIPU_LANES Mask Not(Mask a) { return _knot_mask16(a); }
  QUIPU_LANES bool Any(Mask a) { return a != 0; }
  QUIPU_LANES Float Select(Mask mask, Float a, Float b) { return _mm512_mask_mov_ps(b, mask, a); }
  QUIPU_LANES Int SelectInt(Mask mask, Int a, Int b) {
    return Bits(Select(mask, OfBits(a), OfBits(b)));
  }

  QUIPU_LANES Float ToFloat(Int x) { return _mm512_cvtepi32_ps(reinterpret_cast<__m512i>(x)); }

  // Rounds once, subnormal results too.
  QUIPU_LANES Float Scale(Float x, Float n) { return _mm512_scalef_ps(x, n); }
  QUIPU_LANES Float Lookup(const float table[16], Int index) {
    return _mm512_permutexvar_ps(reinterpret_cast<__m512i>(index), Load(table));
  }

 private:
  QUIPU_LANES Mask EitherNan(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_FLOATS16_H_
