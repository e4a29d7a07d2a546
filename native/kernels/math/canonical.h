// The arithmetic `canonical-1`, shared by every backend and, through QUIPU_HOST_DEVICE, by CUDA.
//
// Frozen (docs/arithmetic.md): the block of a dot product, the fused multiply-add, the one NaN, and
// the order of values. Everything here is `static`, because each source that includes it is
// compiled with other instruction sets and the linker must never merge their copies.
#ifndef QUIPU_KERNELS_MATH_CANONICAL_H_
#define QUIPU_KERNELS_MATH_CANONICAL_H_

#include <stdint.h>
#include <string.h>

#include "quipu/device.h"

namespace quipu {

// Terms of a dot product that share one accumulator; block sums are added in ascending order.
constexpr int64_t kDotBlock = 256;

constexpr uint32_t kCanonicalNan = 0x7fc00000u;

QUIPU_HOST_DEVICE static inline uint32_t BitsOfF32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

QUIPU_HOST_DEVICE static inline float F32OfBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// a·b + c, rounded once, without FMA hardware. The product of two 24-bit significands fits a double
// exactly. The sum is rounded to odd: when it is inexact (TwoSum's error term tells) its last bit
// is set, on the side of the exact value. A double keeps 53 >= 2·24 + 2 bits, so narrowing the odd
// sum to binary32 rounds as the exact sum would, subnormal results included (Boldo and Melquiond
// 2008).
QUIPU_HOST_DEVICE static inline float FusedSoftwareF32(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double addend = c;
  double sum = product + addend;
  const double part = sum - product;
  const double error = (product - (sum - part)) + (addend - part);
  if (error < 0 || error > 0) {  // false when the sum is exact, infinite or NaN
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((bits & 1) == 0) bits += (error > 0) == (sum > 0) ? 1 : -1;
    memcpy(&sum, &bits, sizeof sum);
  }
  return static_cast<float>(sum);
}

QUIPU_HOST_DEVICE static inline float FusedF32(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#elif defined(__FMA__)
  return __builtin_fmaf(a, b, c);
#else
  return FusedSoftwareF32(a, b, c);
#endif
}

// Any NaN becomes the one NaN; every other value keeps its bits.
QUIPU_HOST_DEVICE static inline uint32_t CanonicalBitsF32(uint32_t bits) {
  return (bits & 0x7fffffffu) > 0x7f800000u ? kCanonicalNan : bits;
}

// Unsigned integer in the order of values: -Inf < … < -0 = +0 < … < +Inf < NaN, all NaN equal.
QUIPU_HOST_DEVICE static inline uint32_t OrderF32(uint32_t bits) {
  bits = CanonicalBitsF32(bits);
  if (bits == 0x80000000u) bits = 0;
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_CANONICAL_H_
