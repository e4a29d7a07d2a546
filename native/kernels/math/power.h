// x to the power of y, binary32, over lanes: e^(y · log |x|) with the logarithm and the product
// kept in two parts, and every case that ISO C names.
#ifndef QUIPU_KERNELS_MATH_POWER_H_
#define QUIPU_KERNELS_MATH_POWER_H_

#include "kernels/math/logarithm.h"

namespace quipu {
namespace {

// high + low = log x for x > 0, within 2^-32 of it. x = m · 2^k with m from sqrt(1/2) to sqrt 2 in
// one of sixteen pieces; m · c = 1 + r, |r| < 0.04, for a c of each piece, which is 1 around 1.
template <class L>
struct LongLog {
  using Float = typename L::Float;

  QUIPU_LANES LongLog Of(Float x) {
    // c; -log c, a multiple of 2^-16; and what that leaves.
    static constexpr float kTable[3][16] = {
        {0x1.62362ep+0f, 0x1.5387ep+0f, 0x1.4604b6p+0f, 0x1.398a56p+0f, 0x1.2dfb78p+0f,
         0x1.233fp+0f, 0x1.193f3ep+0f, 0x1.0fe96cp+0f, 0x1.072d26p+0f, 0x1p+0f, 0x1.de4c26p-1f,
         0x1.c3e984p-1f, 0x1.ac4928p-1f, 0x1.9701ccp-1f, 0x1.83be1cp-1f, 0x1.72382ep-1f},
        {-0x1.4c84p-2f, -0x1.212cp-2f, -0x1.ef28p-3f, -0x1.9f38p-3f, -0x1.525p-3f, -0x1.083p-3f,
         -0x1.814p-4f, -0x1.eep-5f, -0x1.c5p-6f, 0.0f, 0x1.16ep-4f, 0x1.ff5p-4f, 0x1.6dap-3f,
         0x1.d6p-3f, 0x1.1ca8p-2f, 0x1.4c04p-2f},
        {0x1.59845p-18f, 0x1.ea053cp-18f, -0x1.d37beep-21f, -0x1.e0c6c6p-18f, 0x1.71f978p-21f,
         0x1.be926ep-18f, -0x1.b1cea2p-21f, 0x1.440e5ep-19f, 0x1.0adf52p-19f, 0.0f, 0x1.db0da6p-18f,
         0x1.36501p-18f, 0x1.9c21dcp-18f, 0x1.0d4ccp-19f, -0x1.d5a3cap-20f, -0x1.657a14p-18f},
    };
    const typename L::Mask tiny = L::Less(x, L::Set(0x1p-126f));
    const typename L::Int bits = L::Bits(L::Select(tiny, x * L::Set(0x1p23f), x));
    const typename L::Int offset = bits - L::SetInt(0x3f3504f3);
    const typename L::Int exponent = offset & L::SetInt(0xff800000);
    const typename L::Int piece = offset >> 19;
    const Float k = L::Fma(L::ToFloat(exponent), L::Set(0x1p-23f),
                           L::Select(tiny, L::Set(-23.0f), L::Set(0.0f)));
    const Float m = L::OfBits(bits - exponent);
    const Float c = L::Lookup(kTable[0], piece);
    const Float product = m * c;
    const Float product_lost = L::Fma(m, c, -product);
    const Float r = product - L::Set(1.0f);                                            // exact
    const Float whole = L::Fma(k, L::Set(0x1.62e4p-1f), L::Lookup(kTable[1], piece));  // exact
    const Float square = r * r;
    const Float square_lost = L::Fma(r, r, -square);
    // whole + r, then - r² / 2, each with what its rounding lost.
    const Float one = whole + r;
    const Float added = one - whole;
    const Float one_lost = (whole - (one - added)) + (r - added);
    const Float two = L::Fma(square, L::Set(-0.5f), one);
    const Float two_lost = L::Fma(square, L::Set(-0.5f), one - two);
    const Float p = Polynomial<L>(r, 0x1.314afcp-3f, -0x1.55abf4p-3f, 0x1.999074p-3f,
                                  -0x1.fffffap-3f, 0x1.555556p-2f);
    Float low = L::Fma(k, L::Set(0x1.7f7d1cp-20f), L::Lookup(kTable[2], piece));
    low = low + L::Fma(square - r, product_lost, product_lost);
    low = L::Fma(square_lost, L::Set(-0.5f), low);
    low = L::Fma(square * r, p, low) + (one_lost + two_lost);
    const Float high = two + low;
    return {high, low - (high - two)};
  }

  Float high, low;
};

struct PowerF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x, typename L::Float y) {
    const typename L::Float size = L::Absolute(x);
    return WithCases<L>(x, y, OfSize<L>(size, y));
  }

 private:
  template <class L>
  QUIPU_LANES typename L::Float OfSize(typename L::Float size, typename L::Float y) {
    using Float = typename L::Float;
    const LongLog<L> log = LongLog<L>::Of(size);
    const Float product = y * log.high;
    const Float lost = L::Fma(y, log.low, L::Fma(y, log.high, -product));
    // Beyond these the result is 0 or infinite, and what was lost may be anything.
    const Float inside =
        L::LessOrSecond(L::Set(90.0f), L::GreaterOrSecond(L::Set(-104.0f), product));
    const Float low = L::Select(L::Equal(inside, product), lost, L::Set(0.0f));
    const Exponential<L> e = Exponential<L>::OfSum(inside, low);
    return L::Scale(e.power, e.exponent);
  }

  template <class L>
  QUIPU_LANES typename L::Float WithCases(typename L::Float x, typename L::Float y,
                                          typename L::Float power) {
    using Float = typename L::Float;
    using Mask = typename L::Mask;
    const Float zero = L::Set(0.0f), one = L::Set(1.0f), infinity = L::Set(kInfinityF32);
    const Float size = L::Absolute(x), half = y * L::Set(0.5f);
    const Mask grows = L::Less(y, zero);
    const Mask extreme = L::Or(L::Or(L::Equal(size, zero), L::Equal(size, infinity)),
                               L::Equal(L::Absolute(y), infinity));
    const Float edge = L::Select(L::Less(size, one), L::Select(grows, infinity, zero),
                                 L::Select(grows, zero, infinity));
    Float result = L::Select(extreme, edge, power);
    // A negative base: the sign of odd powers, and no number for those that are not integers.
    const Mask integer = L::Equal(L::Truncate(y), y);
    const Mask odd = L::And(integer, L::Not(L::Equal(L::Truncate(half), half)));
    result = L::Select(odd, L::WithSign(result, x), result);
    const Mask no_number = L::And(L::And(L::Less(x, zero), L::Not(extreme)), L::Not(integer));
    const Mask nan = L::Or(L::IsNan(x), L::IsNan(y));
    result = L::Select(L::Or(no_number, nan), L::Set(kNanF32), result);
    // Last, for NaN does not change these: 1^y, x^0, and -1 to an infinite power.
    const Mask unit = L::And(L::Equal(size, one), L::Equal(L::Absolute(y), infinity));
    return L::Select(L::Or(L::Or(L::Equal(x, one), L::Equal(y, zero)), unit), one, result);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_POWER_H_
