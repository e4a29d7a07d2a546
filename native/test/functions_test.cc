// What single functions of maps give, beside formulations of another kind: the C library's, wider
// arithmetic, and tables of special cases.
#include <cmath>
#include <cstring>

#include "kernels/lanes/floats1.h"
#include "kernels/math/basic.h"
#include "kernels/math/conversions.h"
#include "kernels/math/error_function.h"
#include "kernels/math/exponential.h"
#include "kernels/math/integers.h"
#include "kernels/math/power.h"
#include "kernels/math/trigonometric.h"
#include "test/check.h"

namespace quipu::test {
namespace {

bool Same(float a, float b) {
  return CanonicalBitsF32(BitsOfF32(a)) == CanonicalBitsF32(BitsOfF32(b));
}

// Numbers of every size, and those around which functions change.
std::vector<float> Numbers(size_t count, uint64_t seed) {
  const std::vector<uint8_t> noise = Noise(count * 4, seed);
  std::vector<float> numbers = {
      0.0f,          -0.0f, 1.0f,      -1.0f,     0.5f,       -0.5f,      1.5f,
      2.5f,          -2.5f, 3.0f,      -3.0f,     8388607.5f, 8388608.0f, 16777216.0f,
      INFINITY,      NAN,   -INFINITY, 0x1p-149f, -0x1p-149f, 0x1p-126f,  0x1.fffffep127f,
      0x1.fffffep-1f};
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, noise.data() + i * 4, 4);
    numbers.push_back(i % 2 == 0 ? F32OfBits(bits) : static_cast<int32_t>(bits) * 0x1p-26f);
  }
  return numbers;
}

void TestRounding() {
  bool same = true;
  for (const float x : Numbers(100000, 1)) {
    same = same && Same(RoundEvenF32::Of<Floats1>(x), std::nearbyint(x)) &&
           Same(FloorF32::Of<Floats1>(x), std::floor(x)) &&
           Same(CeilF32::Of<Floats1>(x), std::ceil(x)) &&
           Same(TruncateF32::Of<Floats1>(x), std::trunc(x));
  }
  Check(same, "functions: rounding to integers");
}

float LeastOf(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return NAN;
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

void TestPairs() {
  const std::vector<float> numbers = Numbers(400, 2);
  bool extremes = true, remainder = true, power = true;
  for (const float x : numbers) {
    for (const float y : numbers) {
      extremes = extremes && Same(MinimumF32::Of<Floats1>(x, y), LeastOf(x, y)) &&
                 Same(MaximumF32::Of<Floats1>(x, y), -LeastOf(-x, -y));
      remainder = remainder && Same(RemainderF32::Of(x, y), std::fmod(x, y));
      const double want = std::pow(static_cast<double>(x), static_cast<double>(y));
      const float near = static_cast<float>(want), got = PowerF32::Of<Floats1>(x, y);
      power = power && (Same(got, near) || Same(got, std::nextafter(near, INFINITY)) ||
                        Same(got, std::nextafter(near, -INFINITY)));
    }
  }
  Check(extremes, "functions: minimum and maximum, NaN and zeros too");
  Check(remainder, "functions: remainder");
  Check(power, "functions: power, within one unit, with the cases of ISO C");
}

// The nearest multiple of the unit at x, halves to even, in binary64, where all this is exact.
uint16_t NaiveF16(float x) {
  if (std::isnan(x)) return 0x7e00;
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double size = std::fabs(static_cast<double>(x));
  if (size >= 65520) return sign | 0x7c00;
  const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
  const double units = std::nearbyint(std::ldexp(size, 10 - exponent));
  // A carry goes into the exponent by itself.
  return sign | static_cast<uint16_t>(units + (exponent == -14 ? 0 : (exponent + 14) * 1024));
}

void TestStorageFormats() {
  bool widen = true, narrow = true, upper = true;
  for (uint32_t half = 0; half < 65536; ++half) {
    const float wide = F16ToF32::Of(static_cast<uint16_t>(half));
    const uint32_t size = half & 0x7fff, exponent = size >> 10;
    if (size > 0x7c00) {
      widen = widen && std::isnan(wide);
      continue;
    }
    const double significand = exponent == 0 ? size & 1023 : (size & 1023) + 1024;
    const double value = std::ldexp(significand, std::max(static_cast<int>(exponent), 1) - 25);
    const float want = exponent == 31 ? INFINITY : static_cast<float>(value);
    widen = widen && Same(wide, half >= 0x8000 ? -want : want) && F32ToF16::Of(wide) == half;
    for (const float to : {INFINITY, -INFINITY}) {  // just beside, and between two
      const float next = F16ToF32::Of(static_cast<uint16_t>(half + 1));
      const float between = (wide + next) / 2;
      for (const float x : {std::nextafter(wide, to), between, std::nextafter(between, to)}) {
        narrow = narrow && F32ToF16::Of(x) == NaiveF16(x);
      }
    }
  }
  for (const float x : Numbers(100000, 3)) {
    narrow = narrow && F32ToF16::Of(x) == NaiveF16(x);
    if (std::isnan(x)) {
      upper = upper && F32ToBf16::Of(x) == 0x7fc0;
      continue;
    }
    const uint32_t bits = BitsOfF32(x), rest = bits & 0xffff;
    const bool up = rest > 0x8000 || (rest == 0x8000 && (bits & 0x10000) != 0);
    upper = upper && F32ToBf16::Of(x) == (bits >> 16) + up;
    upper = upper && BitsOfF32(Bf16ToF32::Of(static_cast<uint16_t>(bits >> 16))) == bits - rest;
  }
  Check(widen, "functions: f16 to f32, all of them, and back");
  Check(narrow, "functions: f32 to f16, ties and subnormals too");
  Check(upper, "functions: bf16");
}

void TestIntegers() {
  Check(DivideI32::Of(INT32_MIN, -1) == INT32_MIN && DivideI32::Of(7, 0) == 0 &&
            DivideI64::Of(-7, 2) == -3 && RemainderI64::Of(-7, 2) == -1 &&
            RemainderI32::Of(INT32_MIN, -1) == 0 && ModuloI64::Of(-7, 2) == 1 &&
            ModuloI64::Of(7, -2) == -1 && ModuloI64::Of(6, -2) == 0 && ModuloI32::Of(5, 0) == 0,
        "functions: quotients and remainders");
  Check(PowerI64::Of(3, 4) == 81 && PowerI32::Of(2, 31) == INT32_MIN && PowerI64::Of(0, 0) == 1 &&
            PowerI64::Of(-1, -3) == -1 && PowerI64::Of(-1, INT64_MIN) == 1 &&
            PowerI32::Of(2, -1) == 0 && PowerI32::Of(0, -1) == 0 && PowerI32::Of(1, -9) == 1,
        "functions: powers of integers");
  Check(AbsoluteI32::Of(INT32_MIN) == INT32_MIN && NegateI64::Of(INT64_MIN) == INT64_MIN &&
            AddI32::Of(INT32_MAX, 1) == INT32_MIN && MultiplyI64::Of(INT64_MAX, 2) == -2,
        "functions: integers wrap");
  Check(F32ToI32::Of(-1.9f) == -1 && F32ToI32::Of(NAN) == 0 && F32ToI32::Of(1e10f) == INT32_MAX &&
            F32ToI64::Of(-INFINITY) == INT64_MIN && F32ToI64::Of(-0x1p63f) == INT64_MIN &&
            F32ToI64::Of(0x1p63f) == INT64_MAX && F32ToI32::Of(2147483520.0f) == 2147483520 &&
            F32ToBool::Of(NAN) == 1 && F32ToBool::Of(-0.0f) == 0 &&
            I64ToF32::Of((1LL << 40) + (1LL << 16)) == 0x1p40f &&
            I32ToF32::Of(16777219) == 16777220.0f && I64ToI32::Of(1LL << 32 | 5) == 5,
        "functions: conversions of integers");
}

// The software's fused multiply-add, which the portable build relies on, beside the C library's.
void TestFused() {
  const std::vector<float> numbers = Numbers(60, 4);
  bool same = true;
  for (const float a : numbers) {
    for (const float b : numbers) {
      for (const float c : numbers) {
        same = same && Same(FusedSoftwareF32(a, b, c), std::fma(a, b, c));
      }
    }
  }
  Check(same, "functions: a fused multiply-add in software");
}

void TestGelu() {
  bool same = true;
  for (const float x : Numbers(10000, 5)) {
    const float e = ErfF32::Of<Floats1>(x * 0.70710678f);
    same = same && Same(GeluF32::Of<Floats1>(x), (x * 0.5f) * (1.0f + e));
  }
  Check(same, "functions: GELU is its steps");
}

void TestExponentialOfNegative() {
  bool same = true;
  const auto check = [&same](uint32_t bits) {
    const float x = F32OfBits(bits);
    same = same && Same(ExpOfNegativeF32::Of<Floats1>(x), ExpF32::Of<Floats1>(x));
  };
  constexpr uint32_t kMinusZero = 0x80000000u, kMinusInfinity = 0xff800000u;
  for (uint32_t bits = kMinusZero; bits < kMinusInfinity; bits += 1031) check(bits);
  for (uint32_t exponent = 1; exponent <= 255; ++exponent) {
    for (uint32_t beside = 0; beside < 4; ++beside) {
      check((kMinusZero | exponent << 23) + beside);
      check((kMinusZero | exponent << 23) - beside);
    }
  }
  check(0);
  check(BitsOfF32(NAN));
  Check(same, "functions: the exponential of what is not above 0 is the other one");
}

}  // namespace

void TestFunctions() {
  TestRounding();
  TestPairs();
  TestStorageFormats();
  TestIntegers();
  TestFused();
  TestGelu();
  TestExponentialOfNegative();
}

}  // namespace quipu::test
