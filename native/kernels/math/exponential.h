// Exponential functions of binary32, over lanes. x = n·ln 2 + r with |r| <= ln 2 / 2, then
// e^r = 1 + r + r²·q(r), then 2^n. Coefficients: minimax, rounded to binary32 one after the other.
#ifndef QUIPU_KERNELS_MATH_EXPONENTIAL_H_
#define QUIPU_KERNELS_MATH_EXPONENTIAL_H_

#include "kernels/math/polynomial.h"

namespace quipu {
namespace {

constexpr float kLog2E = 0x1.715476p+0f;
constexpr float kLn2High = 0x1.62e43p-1f, kLn2Low = -0x1.05c61p-29f;
// Added to a number below 2^22 it leaves the nearest integer in the lowest bits.
constexpr float kRounder = 12582912.0f;  // 1.5 · 2^23

// e^x = power · 2^exponent. The sum 1 + r is kept with what its rounding lost.
template <class L>
struct Exponential {
  using Float = typename L::Float;

  // x is first brought between -104 and 90.
  QUIPU_LANES Exponential Of(Float x) {
    const Float inside = L::LessOrSecond(L::Set(90.0f), L::GreaterOrSecond(L::Set(-104.0f), x));
    const Float n = L::Fma(inside, L::Set(kLog2E), L::Set(kRounder)) - L::Set(kRounder);
    return {Power(inside, n), n};
  }

  // For x in those bounds and its exponent.
  QUIPU_LANES Float Power(Float x, Float n) {
    const Float r = L::Fma(n, L::Set(-kLn2Low), L::Fma(n, L::Set(-kLn2High), x));
    const Float sum = L::Set(1.0f) + r;
    return L::Fma(Curve(r), r * r, r - (sum - L::Set(1.0f))) + sum;
  }

  // Of x + low, for x in those bounds and low of little size beside it.
  QUIPU_LANES Exponential OfSum(Float x, Float low) {
    const Float n = L::Fma(x, L::Set(kLog2E), L::Set(kRounder)) - L::Set(kRounder);
    const Float exact = L::Fma(n, L::Set(-kLn2High), x);
    const Float rest = L::Fma(n, L::Set(-kLn2Low), low);
    const Float r = exact + rest;
    const Float lost = (exact - r) + rest;
    const Float sum = L::Set(1.0f) + r;
    return {L::Fma(Curve(r), r * r, (r - (sum - L::Set(1.0f))) + lost) + sum, n};
  }

  Float power, exponent;

 private:
  QUIPU_LANES Float Curve(Float r) {
    return Polynomial<L>(r, 0x1.6a4154p-10f, 0x1.1239c6p-7f, 0x1.5558bcp-5f, 0x1.555492p-3f,
                         0x1.fffffcp-2f);
  }
};

struct ExpF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    const Exponential<L> e = Exponential<L>::Of(x);
    return L::Scale(e.power, e.exponent);
  }
};

// e^x for x that is not above 0, with the same bits. 2^(n + 65) comes out of the rounding of x: an
// even number more than kRounder leaves the nearest integer the same, 192 higher, and that is the
// exponent of a binary32 once it is in its place.
struct ExpOfNegativeF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float rounder = L::Set(kRounder + 192.0f);
    const Float inside = L::GreaterOrSecond(L::Set(-104.0f), x);
    const Float near = L::Fma(inside, L::Set(kLog2E), rounder);
    const Float scale = L::OfBits(L::Bits(near) << 23);
    return Exponential<L>::Power(inside, near - rounder) * scale * L::Set(0x1p-65f);
  }
};

// e^x - 1 = 2^n · (e^r - 1 + (1 - 2^-n)), where r is kept with what its rounding lost, and the sum
// of the two large terms with what its rounding lost.
struct Expm1F32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float inside = L::LessOrSecond(L::Set(89.0f), L::GreaterOrSecond(L::Set(-30.0f), x));
    const Float n = L::Fma(inside, L::Set(kLog2E), L::Set(kRounder)) - L::Set(kRounder);
    const Float exact = L::Fma(n, L::Set(-kLn2High), inside);
    const Float r = L::Fma(n, L::Set(-kLn2Low), exact);
    const Float lost = L::Fma(n, L::Set(-kLn2Low), exact - r);
    const Float q = Polynomial<L>(r, 0x1.9e7cf2p-13f, 0x1.6d3a84p-10f, 0x1.1112d4p-7f,
                                  0x1.5554f8p-5f, 0x1.555554p-3f, 0.5f);
    const Float rest = L::Fma(q, r * r, lost);
    const Float one = L::Set(1.0f) - L::Scale(L::Set(1.0f), -n);
    const Float sum = one + r;
    const Float low = (r - (sum - one)) + rest;
    return L::WithSign(L::Scale(sum + low, n), x);
  }
};

// 1 / (1 + e^-x), as e^x / (1 + e^x) where x is negative. What the sum with 1 lost is put back by
// a first step of Newton's; 1 / (1 + z) need be known to a twentieth for that.
struct SigmoidF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Float one = L::Set(1.0f);
    const Float z = ExpF32::Of<L>(-L::Absolute(x));
    const Float sum = one + z;
    const Float lost = (one - sum) + z;
    const Float y = L::Select(L::Less(x, L::Set(0.0f)), z, one) / sum;
    const Float inverse = L::Fma(z, L::Set(-0.5f), L::Set(0x1.eap-1f));
    return L::Fma(-y, lost * inverse, y);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_EXPONENTIAL_H_
