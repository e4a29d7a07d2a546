// Arc sine, arc cosine and arc tangent of binary32, over lanes.
#ifndef QUIPU_KERNELS_MATH_INVERSE_TRIGONOMETRIC_H_
#define QUIPU_KERNELS_MATH_INVERSE_TRIGONOMETRIC_H_

#include "kernels/math/polynomial.h"

namespace quipu {
namespace {

constexpr float kHalfPiHigh = 0x1.921fb6p+0f, kHalfPiLow = -0x1.777a5cp-25f;

// With a = |x|: s = a up to 1/2, else sqrt((1 - a) / 2), and asin(s) = s + rest.
template <class L>
struct ArcSine {
  using Float = typename L::Float;

  QUIPU_LANES ArcSine Of(Float x) {
    const Float size = L::Absolute(x);
    const typename L::Mask wide = L::Less(L::Set(0.5f), size);
    const Float half = L::Fma(size, L::Set(-0.5f), L::Set(0.5f));
    const Float square = L::Select(wide, half, size * size);
    const Float s = L::Select(wide, L::Sqrt(half), size);
    const Float p = Polynomial<L>(square, 0x1.34d13p-5f, 0x1.d51p-7f, 0x1.04d372p-5f, 0x1.6ca75p-5f,
                                  0x1.3338acp-4f, 0x1.55554cp-3f);
    return {wide, s, s * square * p};
  }

  typename L::Mask wide;
  Float s, rest;
};

// π/2 - 2 asin(s) where a is above 1/2.
struct AsinF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const ArcSine<L> arc = ArcSine<L>::Of(x);
    const Float most = L::Fma(L::Set(-2.0f), arc.s, L::Set(kHalfPiHigh));
    const Float wide = most + L::Fma(L::Set(-2.0f), arc.rest, L::Set(kHalfPiLow));
    return L::WithSign(L::Select(arc.wide, wide, arc.s + arc.rest), x);
  }
};

// 2 asin(s) above 1/2, and twice (π/2 - asin(s)) below -1/2; else π/2 - asin(x).
struct AcosF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const ArcSine<L> arc = ArcSine<L>::Of(x);
    const typename L::Mask negative = L::Less(x, L::Set(0.0f));
    // -1 · what the right angle is less of: asin(s) below -1/2, asin(x) else.
    const Float sign = L::Select(arc.wide, L::Set(1.0f), L::WithSign(L::Set(1.0f), x));
    const Float less = L::Fma(sign, arc.s, L::Fma(sign, arc.rest, L::Set(-kHalfPiLow)));
    const Float right = L::Set(kHalfPiHigh) - less;
    const Float near = arc.s + arc.rest;
    const Float wide = L::Select(negative, right, near);
    return L::Select(arc.wide, wide + wide, right);
  }
};

// π/2 + atan(-1 / a) where a is above 1.
struct AtanF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float size = L::Absolute(x);
    const typename L::Mask wide = L::Less(L::Set(1.0f), size);
    const Float u = L::Select(wide, L::Set(-1.0f) / size, size);
    const Float square = u * u;
    const Float p = Polynomial<L>(square, -0x1.d35716p-10f, 0x1.642358p-7f, -0x1.fd7cfcp-6f,
                                  0x1.da29acp-5f, -0x1.58090cp-4f, 0x1.c08c4cp-4f, -0x1.242086p-3f,
                                  0x1.9991e4p-3f, -0x1.55553ep-2f);
    const Float zero = L::Set(0.0f);
    const Float rest = L::Fma(u * square, p, L::Select(wide, L::Set(kHalfPiLow), zero));
    const Float y = L::Select(wide, L::Set(kHalfPiHigh), zero) + (u + rest);
    return L::WithSign(y, x);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_INVERSE_TRIGONOMETRIC_H_
