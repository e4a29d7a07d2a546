// Conversions between kinds of elements, and what else asks for the bits of a binary32, one element
// at a time. Exact or rounded to nearest even, subnormals kept; defined for every value.
#ifndef QUIPU_KERNELS_MATH_CONVERSIONS_H_
#define QUIPU_KERNELS_MATH_CONVERSIONS_H_

#include <stdint.h>

#include "kernels/lanes/inline.h"
#include "kernels/math/canonical.h"

namespace quipu {
namespace {

// Towards zero; NaN gives 0, what is too large the nearest there is. In range when -limit <= x <
// limit.
template <class T>
struct F32ToInteger {
  QUIPU_LANES T Of(float x) {
    constexpr float kLimit = sizeof(T) == 8 ? 9223372036854775808.0f : 2147483648.0f;
    constexpr T kGreatest = sizeof(T) == 8 ? static_cast<T>(INT64_MAX) : INT32_MAX;
    const bool inside = x >= -kLimit && x < kLimit;
    const T whole = static_cast<T>(inside ? x : 0.0f);
    return x >= kLimit ? kGreatest : x < -kLimit ? -kGreatest - 1 : whole;
  }
};
using F32ToI64 = F32ToInteger<int64_t>;
using F32ToI32 = F32ToInteger<int32_t>;

template <class From, class To>
struct PlainCast {  // integers that do not fit wrap
  QUIPU_LANES To Of(From x) { return static_cast<To>(x); }
};
using I64ToF32 = PlainCast<int64_t, float>;
using I32ToF32 = PlainCast<int32_t, float>;
using BoolToF32 = PlainCast<uint8_t, float>;
using I64ToI32 = PlainCast<int64_t, int32_t>;
using I32ToI64 = PlainCast<int32_t, int64_t>;
using BoolToI64 = PlainCast<uint8_t, int64_t>;
using BoolToI32 = PlainCast<uint8_t, int32_t>;
using U8ToI32 = PlainCast<uint8_t, int32_t>;
using I32ToU8 = PlainCast<int32_t, uint8_t>;
using I8ToI32 = PlainCast<int8_t, int32_t>;
using I32ToI8 = PlainCast<int32_t, int8_t>;

template <class T>
struct NotZero {  // of NaN: true
  QUIPU_LANES uint8_t Of(T x) { return x != 0; }
};
using F32ToBool = NotZero<float>;
using I64ToBool = NotZero<int64_t>;
using I32ToBool = NotZero<int32_t>;

// Shifting puts the exponent in its place, the product adds the difference of the biases; subnormal
// ones become normal on the way.
struct F16ToF32 {
  QUIPU_LANES float Of(uint16_t half) {
    const uint32_t size = (half & 0x7fffu) << 13;
    const uint32_t finite = BitsOfF32(F32OfBits(size) * 5192296858534827628530496329220096.0f);
    const uint32_t bits = size >= 0x0f800000u ? size | 0x7f800000u : finite;
    return F32OfBits(bits | (half & 0x8000u) << 16);
  }
};

struct F32ToF16 {
  QUIPU_LANES uint16_t Of(float x) {
    const uint32_t bits = BitsOfF32(x);
    const uint32_t size = bits & 0x7fffffffu;
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t odd = (size >> 13) & 1;
    const uint32_t normal = (size - (112u << 23) + 0xfff + odd) >> 13;
    // Below 2^-14 the unit is 2^-24, which is that of binary32 at 1/2: the sum rounds.
    const uint32_t subnormal =
        BitsOfF32(F32OfBits(size < 0x38800000u ? size : 0) + 0.5f) - 0x3f000000u;
    const uint32_t finite = size < 0x38800000u ? subnormal : normal;
    const uint32_t half = size >= 0x47800000u ? 0x7c00u : finite;
    return static_cast<uint16_t>(size > 0x7f800000u ? 0x7e00u : half | sign);
  }
};

struct Bf16ToF32 {
  QUIPU_LANES float Of(uint16_t upper) { return F32OfBits(static_cast<uint32_t>(upper) << 16); }
};

struct F32ToBf16 {
  QUIPU_LANES uint16_t Of(float x) {
    const uint32_t bits = BitsOfF32(x);
    const uint32_t near = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : near);
  }
};

struct IsNanF32 {
  QUIPU_LANES uint8_t Of(float x) { return (BitsOfF32(x) & 0x7fffffffu) > 0x7f800000u; }
};

struct IsInfiniteF32 {
  QUIPU_LANES uint8_t Of(float x) { return (BitsOfF32(x) & 0x7fffffffu) == 0x7f800000u; }
};

// x - n·y for the integer n that x / y is cut off to; exact, with the sign of x. By long division
// of the significands, 40 bits of the quotient at a time.
struct RemainderF32 {
  QUIPU_LANES float Of(float x, float y) {
    const uint32_t x_size = BitsOfF32(x) & 0x7fffffffu;
    const uint32_t y_size = BitsOfF32(y) & 0x7fffffffu;
    if (x_size >= 0x7f800000u || y_size > 0x7f800000u || y_size == 0) {
      return F32OfBits(kCanonicalNan);
    }
    if (x_size < y_size) return x;
    int32_t x_exponent, y_exponent;
    uint64_t rest = Significand(x_size, &x_exponent);
    const uint64_t divisor = Significand(y_size, &y_exponent);
    int32_t shift = x_exponent - y_exponent;
    rest %= divisor;
    for (; shift > 0; shift -= 40) rest = (rest << (shift < 40 ? shift : 40)) % divisor;
    // rest · 2^y_exponent; below 2^24 and a multiple of the least unit.
    float size = static_cast<float>(static_cast<uint32_t>(rest));
    const int32_t half = y_exponent / 2;  // two powers, for neither may be out of range
    size *= F32OfBits(static_cast<uint32_t>(half + 127) << 23);
    size *= F32OfBits(static_cast<uint32_t>(y_exponent - half + 127) << 23);
    return F32OfBits(BitsOfF32(size) | (BitsOfF32(x) & 0x80000000u));
  }

 private:
  // size = significand · 2^exponent.
  QUIPU_LANES uint32_t Significand(uint32_t size, int32_t* exponent) {
    const int32_t biased = static_cast<int32_t>(size >> 23);
    *exponent = (biased == 0 ? 1 : biased) - 150;
    return biased == 0 ? size : (size & 0x7fffffu) | 0x800000u;
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_CONVERSIONS_H_
