// Logarithms of binary32, over lanes. x = m · 2^k; log m = f + f²·q(f) with f = m - 1.
#ifndef QUIPU_KERNELS_MATH_LOGARITHM_H_
#define QUIPU_KERNELS_MATH_LOGARITHM_H_

#include "kernels/math/exponential.h"

namespace quipu {
namespace {

constexpr float kInfinityF32 = __builtin_huge_valf();
constexpr float kNanF32 = __builtin_nanf("");

// m from 2/3 to 4/3.
struct LogF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const typename L::Mask tiny = L::Less(x, L::Set(0x1p-126f));
    const typename L::Int bits = L::Bits(L::Select(tiny, x * L::Set(0x1p23f), x));
    const typename L::Int exponent =
        (bits - L::SetInt(0x3f2aaaab)) & L::SetInt(0xff800000);  // in place: times 2^23
    const Float k = L::Fma(L::ToFloat(exponent), L::Set(0x1p-23f),
                           L::Select(tiny, L::Set(-23.0f), L::Set(0.0f)));
    const Float f = L::OfBits(bits - exponent) - L::Set(1.0f);
    const Float q =
        Polynomial<L>(f, -0x1.07bc3cp-3f, 0x1.1e6eb6p-3f, -0x1.f335dp-4f, 0x1.1ed508p-3f,
                      -0x1.559c54p-3f, 0x1.99d054p-3f, -0x1.fffefap-3f, 0x1.555506p-2f, -0.5f);
    const Float y = L::Fma(k, L::Set(kLn2High), L::Fma(q, f * f, f));
    const Float positive = L::Select(L::Less(x, L::Set(kInfinityF32)), y, x);
    const Float other = L::Select(L::Less(x, L::Set(0.0f)), L::Set(kNanF32), positive);
    return L::Select(L::Equal(x, L::Set(0.0f)), L::Set(-kInfinityF32), other);
  }
};

// log(1 + x) for finite x above -1, with m from 3/4 to 3/2: f = x · 2^-k + (2^-k - 1), and 1 + x
// is rounded only to find k. Of -0 it gives +0.
template <class L>
QUIPU_LANES typename L::Float LogOfOnePlus(typename L::Float x) {
  using Float = typename L::Float;
  const typename L::Int exponent =
      (L::Bits(L::Set(1.0f) + x) - L::SetInt(0x3f400000)) & L::SetInt(0xff800000);
  const Float four = L::OfBits(L::SetInt(0x40800000) - exponent);  // 4 · 2^-k
  const Float f = L::OfBits(L::Bits(x) - exponent) + L::Fma(L::Set(0.25f), four, L::Set(-1.0f));
  const Float k = L::ToFloat(exponent) * L::Set(0x1p-23f);
  const Float q =
      Polynomial<L>(f, -0x1.71e4bcp-5f, 0x1.acf57cp-4f, -0x1.0d9908p-3f, 0x1.288074p-3f,
                    -0x1.54ed94p-3f, 0x1.99699ep-3f, -0x1.00004ap-2f, 0x1.5555a4p-2f, -0.5f);
  return L::Fma(k, L::Set(kLn2High), L::Fma(q, f * f, f));
}

struct Log1pF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float one = L::Set(-1.0f);
    const Float y = LogOfOnePlus<L>(x);
    // NaN, +Inf and the zeros are their own.
    const typename L::Mask some =
        L::And(L::Less(x, L::Set(kInfinityF32)), L::Not(L::Equal(x, L::Set(0.0f))));
    const Float other = L::Select(L::Less(x, one), L::Set(kNanF32), L::Select(some, y, x));
    return L::Select(L::Equal(x, one), L::Set(-kInfinityF32), other);
  }
};

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
struct SoftplusF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    const typename L::Float z = ExpF32::Of<L>(-L::Absolute(x));
    return L::GreaterOrSecond(L::Set(0.0f), x) + LogOfOnePlus<L>(z);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_LOGARITHM_H_
