// One lane of binary32, for the portable build and for CUDA. floats8.h and floats16.h offer the
// same names, so that a function of kernels/math is written once, over lanes, and every backend
// gives its bits. Floats take + - * / and unary -, each rounded once; integers take + - & | ^ and
// <<, and wrap.
#ifndef QUIPU_KERNELS_LANES_FLOATS1_H_
#define QUIPU_KERNELS_LANES_FLOATS1_H_

#include <stdint.h>

#include "kernels/lanes/inline.h"
#include "kernels/math/canonical.h"

namespace quipu {
namespace {

struct Floats1 {
  using Float = float;
  using Int = uint32_t;
  using Mask = bool;
  static constexpr int kLanes = 1;

  QUIPU_LANES Float Load(const float* from) { return *from; }
  QUIPU_LANES void Store(float* to, Float x) { *to = x; }
  QUIPU_LANES Float LoadFirst(const float* from, int64_t count) { return count > 0 ? *from : 0; }
  QUIPU_LANES void StoreFirst(float* to, Float x, int64_t count) {
    if (count > 0) *to = x;
  }
  QUIPU_LANES Float Set(float x) { return x; }
  QUIPU_LANES Int SetInt(uint32_t x) { return x; }
  QUIPU_LANES Int Bits(Float x) { return BitsOfF32(x); }
  QUIPU_LANES Float OfBits(Int bits) { return F32OfBits(bits); }

  QUIPU_LANES Float Fma(Float a, Float b, Float c) { return FusedF32(a, b, c); }
  QUIPU_LANES Float Sqrt(Float x) {
#if defined(__CUDA_ARCH__)
    return __fsqrt_rn(x);
#else
    return __builtin_sqrtf(x);
#endif
  }
  QUIPU_LANES Float Absolute(Float x) { return F32OfBits(BitsOfF32(x) & 0x7fffffffu); }
  // The size of one with the sign of another.
  QUIPU_LANES Float WithSign(Float size, Float sign) {
    return F32OfBits((BitsOfF32(size) & 0x7fffffffu) | (BitsOfF32(sign) & 0x80000000u));
  }
  // The second one where they are equal or one is NaN.
  QUIPU_LANES Float GreaterOrSecond(Float a, Float b) { return a > b ? a : b; }
  QUIPU_LANES Float LessOrSecond(Float a, Float b) { return a < b ? a : b; }
  // +0 is greater than -0; NaN if one is.
  QUIPU_LANES Float Maximum(Float a, Float b) {
#if defined(__CUDA_ARCH__)
    float result;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
    return result;
#else
    if (IsNan(a)) return a;
    return a == b ? F32OfBits(BitsOfF32(a) & BitsOfF32(b)) : b < a ? a : b;
#endif
  }
  QUIPU_LANES Float Minimum(Float a, Float b) {
#if defined(__CUDA_ARCH__)
    float result;
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
    return result;
#else
    if (IsNan(a)) return a;
    return a == b ? F32OfBits(BitsOfF32(a) | BitsOfF32(b)) : a < b ? a : b;
#endif
  }

  // To an integral value of the same sign; -0.3 becomes -0.
  QUIPU_LANES Float RoundEven(Float x) {
    const float size = Absolute(x);
    if (!(size < 8388608.0f)) return x;  // 2^23: integral, infinite or NaN
    return WithSign((size + 8388608.0f) - 8388608.0f, x);
  }
  QUIPU_LANES Float Floor(Float x) {
    const float near = RoundEven(x);
    return near > x ? near - 1.0f : near;
  }
  QUIPU_LANES Float Ceil(Float x) { return -Floor(-x); }
  QUIPU_LANES Float Truncate(Float x) { return WithSign(Floor(Absolute(x)), x); }

  QUIPU_LANES Mask Less(Float a, Float b) { return a < b; }
  QUIPU_LANES Mask LessOrEqual(Float a, Float b) { return a <= b; }
  QUIPU_LANES Mask Equal(Float a, Float b) { return a == b; }
  QUIPU_LANES Mask IsNan(Float x) { return x != x; }
  QUIPU_LANES Mask NonZero(Int x) { return x != 0; }
  QUIPU_LANES Mask And(Mask a, Mask b) { return a && b; }
  QUIPU_LANES Mask Or(Mask a, Mask b) { return a || b; }
  QUIPU_LANES Mask Not(Mask a) { return !a; }
  QUIPU_LANES bool Any(Mask a) { return a; }
  QUIPU_LANES Float Select(Mask mask, Float a, Float b) { return mask ? a : b; }
  QUIPU_LANES Int SelectInt(Mask mask, Int a, Int b) { return mask ? a : b; }

  // Of integers with a sign.
  QUIPU_LANES Float ToFloat(Int x) { return static_cast<float>(static_cast<int32_t>(x)); }

  // x · 2^n, rounded once, for integral n from -250 to 250 and x from 1/2 to 2; NaN if both are.
  QUIPU_LANES Float Scale(Float x, Float n) {
    const uint32_t whole = BitsOfF32(n + 12582912.0f) - 0x4b400000u;
    const uint32_t half = static_cast<uint32_t>(static_cast<int32_t>(whole) >> 1);
    return x * F32OfBits((half + 127) << 23) * F32OfBits((whole - half + 127) << 23);
  }
  QUIPU_LANES Float Lookup(const float table[16], Int index) { return table[index & 15]; }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_FLOATS1_H_
