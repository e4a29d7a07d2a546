// Hyperbolic functions of binary32 and their inverses, over lanes. Near zero an odd polynomial,
// which keeps the relative error; elsewhere by the exponential and the logarithm.
#ifndef QUIPU_KERNELS_MATH_HYPERBOLIC_H_
#define QUIPU_KERNELS_MATH_HYPERBOLIC_H_

#include "kernels/math/logarithm.h"

namespace quipu {
namespace {

// x + x³·p(x²); of -0 it may give +0.
template <class L, class... Coefficients>
QUIPU_LANES typename L::Float OddPolynomial(typename L::Float x, Coefficients... coefficients) {
  const typename L::Float square = x * x;
  return L::Fma(Polynomial<L>(square, coefficients...) * square, x, x);
}

// 1 - 2 / (e^2|x| + 1) from 0.7 on.
struct TanhF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float size = L::Absolute(x);
    const Float near = OddPolynomial<L>(x, 0x1.f2551cp-10f, -0x1.02972ap-7f, 0x1.617fecp-6f,
                                        -0x1.b9bb3cp-5f, 0x1.110f52p-3f, -0x1.55555p-2f);
    const Float e = ExpF32::Of<L>(size + size);
    const Float far = L::Set(1.0f) - L::Set(2.0f) / (e + L::Set(1.0f));
    return L::WithSign(L::Select(L::Less(size, L::Set(0.7f)), near, far), x);
  }
};

// With h = e^|x| / 2, made without overflow: h - 1 / (4 h) from 1 on.
struct SinhF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float size = L::Absolute(x);
    const Float near =
        OddPolynomial<L>(x, 0x1.756c1ep-19f, 0x1.a022bcp-13f, 0x1.1110ep-7f, 0x1.555556p-3f);
    const Exponential<L> e = Exponential<L>::Of(size);
    const Float half = L::Scale(e.power, e.exponent - L::Set(1.0f));
    const Float far = half - L::Set(0.25f) / half;
    return L::WithSign(L::Select(L::Less(size, L::Set(1.0f)), near, far), x);
  }
};

struct CoshF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    const Exponential<L> e = Exponential<L>::Of(L::Absolute(x));
    const typename L::Float half = L::Scale(e.power, e.exponent - L::Set(1.0f));
    return half + L::Set(0.25f) / half;
  }
};

// log(1 + w) with w = a + a² / (1 + sqrt(a² + 1)), a = |x|, from 1/2 on; from 2^30 on log(2 a).
struct AsinhF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float size = L::Absolute(x);
    const Float near = OddPolynomial<L>(x, 0x1.2f523ep-7f, -0x1.487e0ep-6f, 0x1.ec11ecp-6f,
                                        -0x1.6d7ebcp-5f, 0x1.33323ap-4f, -0x1.555554p-3f);
    const typename L::Mask large = L::LessOrEqual(L::Set(0x1p30f), size);
    const Float square = size * size;
    const Float root = L::Sqrt(square + L::Set(1.0f));
    const Float w = L::Select(large, size, size + square / (L::Set(1.0f) + root));
    const Float far = LogOfOnePlus<L>(w) + L::Select(large, L::Set(kLn2High), L::Set(0.0f));
    const Float finite = L::Select(L::Less(size, L::Set(kInfinityF32)), far, size);
    return L::WithSign(L::Select(L::Less(size, L::Set(0.5f)), near, finite), x);
  }
};

// log(1 + w) with w = d + sqrt(d² + 2 d), d = x - 1; from 2^30 on log(2 x).
struct AcoshF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const typename L::Mask large = L::LessOrEqual(L::Set(0x1p30f), x);
    const Float d = x - L::Set(1.0f);
    const Float w = L::Select(large, x, d + L::Sqrt(L::Fma(d, d, d + d)));
    const Float y = LogOfOnePlus<L>(w) + L::Select(large, L::Set(kLn2High), L::Set(0.0f));
    const Float finite = L::Select(L::Less(x, L::Set(kInfinityF32)), y, x);
    return L::Select(L::Less(x, L::Set(1.0f)), L::Set(kNanF32), finite);
  }
};

// log(1 + 2 a / (1 - a)) / 2 from 1/2 on.
struct AtanhF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float one = L::Set(1.0f);
    const Float size = L::Absolute(x);
    const Float near = OddPolynomial<L>(x, 0x1.6943fcp-3f, 0x1.a69f56p-5f, 0x1.e403bap-4f,
                                        0x1.234d64p-3f, 0x1.99a678p-3f, 0x1.55554p-2f);
    const Float y = L::Set(0.5f) * LogOfOnePlus<L>((size + size) / (one - size));
    const Float edge = L::Select(L::Equal(size, one), L::Set(kInfinityF32), L::Set(kNanF32));
    const Float far = L::Select(L::Less(size, one), y, edge);
    return L::WithSign(L::Select(L::Less(size, L::Set(0.5f)), near, far), x);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_HYPERBOLIC_H_
