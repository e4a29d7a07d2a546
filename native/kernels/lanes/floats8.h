// Eight lanes of binary32, as in floats1.h. For files compiled for AVX2 and FMA only; copies as in
// lanes16.h.
#ifndef QUIPU_KERNELS_LANES_FLOATS8_H_
#define QUIPU_KERNELS_LANES_FLOATS8_H_

#include <immintrin.h>

#include <cstdint>

#include "kernels/lanes/inline.h"

namespace quipu {
namespace {

struct Floats8 {
  using Float = __m256;
  typedef uint32_t Int __attribute__((vector_size(32)));
  using Mask = __m256;  // all bits of a lane or none
  static constexpr int kLanes = 8;

  QUIPU_LANES Float Load(const float* from) { return _mm256_loadu_ps(from); }
  QUIPU_LANES void Store(float* to, Float x) { _mm256_storeu_ps(to, x); }
  QUIPU_LANES __m256i Live(int64_t count) {
    const int live = count < 8 ? static_cast<int>(count) : 8;
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(live), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  QUIPU_LANES Float LoadFirst(const float* from, int64_t count) {
    return _mm256_maskload_ps(from, Live(count));
  }
  QUIPU_LANES void StoreFirst(float* to, Float x, int64_t count) {
    _mm256_maskstore_ps(to, Live(count), x);
  }
  QUIPU_LANES Float Set(float x) { return _mm256_set1_ps(x); }
  QUIPU_LANES Int SetInt(uint32_t x) {
    return reinterpret_cast<Int>(_mm256_set1_epi32(static_cast<int>(x)));
  }
  QUIPU_LANES Int Bits(Float x) { return reinterpret_cast<Int>(x); }
  QUIPU_LANES Float OfBits(Int bits) { return reinterpret_cast<Float>(bits); }

  QUIPU_LANES Float Fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  QUIPU_LANES Float Sqrt(Float x) { return _mm256_sqrt_ps(x); }
  QUIPU_LANES Float Absolute(Float x) { return _mm256_andnot_ps(Set(-0.0f), x); }
  QUIPU_LANES Float WithSign(Float size, Float sign) {
    return _mm256_or_ps(Absolute(size), _mm256_and_ps(Set(-0.0f), sign));
  }
  QUIPU_LANES Float GreaterOrSecond(Float a, Float b) { return _mm256_max_ps(a, b); }
  QUIPU_LANES Float LessOrSecond(Float a, Float b) { return _mm256_min_ps(a, b); }
  // Both orders differ in nothing but the sign of zero, except where one is NaN.
  QUIPU_LANES Float Maximum(Float a, Float b) {
    return _mm256_or_ps(_mm256_and_ps(_mm256_max_ps(a, b), _mm256_max_ps(b, a)), EitherNan(a, b));
  }
  QUIPU_LANES Float Minimum(Float a, Float b) {
    return _mm256_or_ps(_mm256_or_ps(_mm256_min_ps(a, b), _mm256_min_ps(b, a)), EitherNan(a, b));
  }

  QUIPU_LANES Float RoundEven(Float x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  QUIPU_LANES Float Floor(Float x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  }
  QUIPU_LANES Float Ceil(Float x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  }
  QUIPU_LANES Float Truncate(Float x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  }

  QUIPU_LANES Mask Less(Float a, Float b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
  QUIPU_LANES Mask LessOrEqual(Float a, Float b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
  QUIPU_LANES Mask Equal(Float a, Float b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
  QUIPU_LANES Mask IsNan(Float x) { return _mm256_cmp_ps(x, x, _CMP_UNORD_Q); }
  QUIPU_LANES Mask NonZero(Int x) { return reinterpret_cast<Mask>(x != SetInt(0)); }
  QUIPU_LANES Mask And(Mask a, Mask b) { return _mm256_and_ps(a, b); }
  QUIPU_LANES Mask Or(Mask a, Mask b) { return _mm256_or_ps(a, b); }
  QUIPU_LANES Mask Not(Mask a) { return OfBits(~Bits(a)); }
  QUIPU_LANES bool Any(Mask a) { return _mm256_movemask_ps(a) != 0; }
  QUIPU_LANES Float Select(Mask mask, Float a, Float b) { return _mm256_blendv_ps(b, a, mask); }
  QUIPU_LANES Int SelectInt(Mask mask, Int a, Int b) {
    return Bits(Select(mask, OfBits(a), OfBits(b)));
  }

  QUIPU_LANES Float ToFloat(Int x) { return _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(x)); }

  QUIPU_LANES Float Scale(Float x, Float n) {
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    return x * PowerOfTwo(half) * PowerOfTwo(_mm256_sub_epi32(whole, half));
  }
  QUIPU_LANES Float Lookup(const float table[16], Int index) {
    const __m256i at = reinterpret_cast<__m256i>(index);
    const Float low = _mm256_permutevar8x32_ps(Load(table), at);
    const Float high = _mm256_permutevar8x32_ps(Load(table + 8), at);
    return Select(OfBits(index << 28), high, low);
  }

 private:
  // All bits, which are a NaN too, or none.
  QUIPU_LANES Float EitherNan(Float a, Float b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
  QUIPU_LANES Float PowerOfTwo(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_FLOATS8_H_
