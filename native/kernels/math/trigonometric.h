// Sine, cosine and tangent of binary32, over lanes.
#ifndef QUIPU_KERNELS_MATH_TRIGONOMETRIC_H_
#define QUIPU_KERNELS_MATH_TRIGONOMETRIC_H_

#include "kernels/math/canonical.h"
#include "kernels/math/exponential.h"

namespace quipu {
namespace {

// An angle as quadrant · π/2 + high + low, where low is of the size of what high's rounding lost.
struct Angle {
  float high, low;
  uint32_t quadrant;
};

// Of any |x| from 1 on: x · 2/π modulo 4 in integers (Payne and Hanek 1983). x = significand ·
// 2^shift; bits of 2/π above those that matter give multiples of 4, and 96 bits from there leave an
// error below 2^-68.
QUIPU_HOST_DEVICE static inline Angle ReduceLargeAngle(float x) {
  constexpr uint32_t kTwoOverPi[8] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                      0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
  const uint32_t bits = BitsOfF32(x);
  const uint32_t biased = (bits >> 23) & 0xff;
  if (biased == 0xff) return {F32OfBits(kCanonicalNan), 0, 0};
  const uint64_t significand = (bits & 0x7fffffu) | 0x800000u;
  const uint32_t skipped = biased - 120;  // bits of the table, which starts with 32 of no worth
  const uint32_t word = skipped / 32, shift = skipped % 32;
  uint64_t window[3];
  for (uint32_t i = 0; i < 3; ++i) {
    const uint64_t both = static_cast<uint64_t>(kTwoOverPi[word + i]) << 32 |
                          (word + i + 1 < 8 ? kTwoOverPi[word + i + 1] : 0);
    window[i] = (both << shift) >> 32;
  }
  const uint64_t lowest = significand * window[2];
  const uint64_t middle = significand * window[1] + (lowest >> 32);
  const uint64_t turned = ((significand * window[0]) << 32) + middle;  // quarters, times 2^62
  const uint64_t quarters = (turned + (1ull << 61)) >> 62;
  const int64_t rest = static_cast<int64_t>(turned - (quarters << 62));
  const double angle = static_cast<double>(rest) * 0x1.921fb54442d18p-62;
  const float high = static_cast<float>(angle);
  const float low = static_cast<float>(angle - static_cast<double>(high));
  const uint32_t quadrant = static_cast<uint32_t>(quarters);
  return bits >> 31 != 0 ? Angle{-high, -low, 0 - quadrant} : Angle{high, low, quadrant};
}

template <class L>
struct Angles {
  using Float = typename L::Float;

  // Below 2^17 by a π/2 of three parts; n·(the first) cancels exactly. The rest one by one.
  QUIPU_LANES Angles Of(Float x) {
    const Float rounded = L::Fma(x, L::Set(0x1.45f306p-1f), L::Set(kRounder));
    const Float n = rounded - L::Set(kRounder);
    const Float exact = L::Fma(n, L::Set(-0x1.921fb6p+0f), x);
    // The second product and the difference, each with what its rounding lost.
    const Float part = n * L::Set(0x1.777a5cp-25f);
    const Float part_lost = L::Fma(n, L::Set(0x1.777a5cp-25f), -part);
    const Float high = exact + part;
    const Float added = high - exact;
    const Float high_lost = (exact - (high - added)) + (part - added);
    const Float low = L::Fma(n, L::Set(0x1.ee59dap-50f), high_lost + part_lost);
    const Angles angles = {high, low, L::Bits(rounded)};
    const typename L::Mask large = L::Not(L::Less(L::Absolute(x), L::Set(0x1p17f)));
    if (!L::Any(large)) return angles;
    return OneByOne(x, angles);
  }

  Float high, low;
  typename L::Int quadrant;

 private:
  QUIPU_HOST_DEVICE static Angles OneByOne(Float x, const Angles& angles) {
    float of[L::kLanes], high[L::kLanes], low[L::kLanes], quadrant[L::kLanes];
    L::Store(of, x);
    L::Store(high, angles.high);
    L::Store(low, angles.low);
    L::Store(quadrant, L::OfBits(angles.quadrant));
    for (int i = 0; i < L::kLanes; ++i) {
      if ((BitsOfF32(of[i]) & 0x7fffffffu) < 0x48000000u) continue;  // below 2^17
      const Angle angle = ReduceLargeAngle(of[i]);
      high[i] = angle.high;
      low[i] = angle.low;
      quadrant[i] = F32OfBits(angle.quadrant & 3);
    }
    return {L::Load(high), L::Load(low), L::Bits(L::Load(quadrant))};
  }
};

// The sine of an angle, or, where `quadrant` is one more, its cosine.
template <class L>
QUIPU_LANES typename L::Float SineOf(const Angles<L>& angle, typename L::Int quadrant) {
  using Float = typename L::Float;
  const Float r = angle.high, square = r * r;
  const Float s = Polynomial<L>(square, -0x1.9953p-13f, 0x1.110776p-7f, -0x1.555546p-3f);
  const Float sine = r + L::Fma(r * square, s, angle.low);
  const Float c = Polynomial<L>(square, 0x1.99e904p-16f, -0x1.6c0c2ap-10f, 0x1.55554ap-5f);
  const Float rest = L::Fma(square * square, c, -(r * angle.low));
  const Float cosine = L::Set(1.0f) + L::Fma(square, L::Set(-0.5f), rest);
  const typename L::Mask odd = L::NonZero(quadrant & L::SetInt(1));
  const typename L::Int sign = (quadrant & L::SetInt(2)) << 30;
  return L::OfBits(L::Bits(L::Select(odd, cosine, sine)) ^ sign);
}

struct SinF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    const Angles<L> angle = Angles<L>::Of(x);
    return L::Select(L::Equal(x, L::Set(0.0f)), x, SineOf<L>(angle, angle.quadrant));
  }
};

struct CosF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    const Angles<L> angle = Angles<L>::Of(x);
    return SineOf<L>(angle, angle.quadrant + L::SetInt(1));
  }
};

// In odd quadrants -1 / tan.
struct TanF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    const Angles<L> angle = Angles<L>::Of(x);
    const Float r = angle.high, square = r * r;
    const Float p = Polynomial<L>(square, 0x1.1ecc98p-8f, 0x1.80102ep-14f, 0x1.62f3c4p-7f,
                                  0x1.5cb9e8p-6f, 0x1.bada4ep-5f, 0x1.110d9cp-3f, 0x1.55556p-2f);
    const Float low = L::Fma(square, angle.low, angle.low);
    const Float tangent = r + L::Fma(r * square, p, low);
    const typename L::Mask odd = L::NonZero(angle.quadrant & L::SetInt(1));
    const typename L::Float y = L::Select(odd, L::Set(-1.0f) / tangent, tangent);
    return L::Select(L::Equal(x, L::Set(0.0f)), x, y);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_TRIGONOMETRIC_H_
