// Division by a size that many numbers are divided by: a multiplication and a shift on a device,
// which has no instruction for division.
#ifndef QUIPU_SUPPORT_QUICK_DIVISION_H_
#define QUIPU_SUPPORT_QUICK_DIVISION_H_

#include <stdint.h>

#include "quipu/device.h"

namespace quipu {

// With 2^shift the least power of two that is not below the size, multiplier =
// ceil(2^(31 + shift) / size): its error times a number below 2^31 stays below the last bit.
struct Divisor {
  int64_t size;
  uint32_t multiplier, shift;

  // Of a number below 2^31 by a size below it. Twice the number leaves the multiplier of size 1
  // within 32 bits.
  QUIPU_HOST_DEVICE uint32_t Quotient(uint32_t number) const {
    return static_cast<uint32_t>(static_cast<uint64_t>(2 * number) * multiplier >> 32) >> shift;
  }

  // Of any, by the long way.
  QUIPU_HOST_DEVICE uint64_t Quotient(uint64_t number) const {
    return number / static_cast<uint64_t>(size);
  }

  template <class Number>
  QUIPU_HOST_DEVICE Number Rest(Number number, Number quotient) const {
    return number - quotient * static_cast<Number>(size);
  }
};

// Without a multiplier for sizes of 2^31 and more.
static inline Divisor DivisorOf(int64_t size) {
  if (size < 1 || size > INT32_MAX) return {size, 0, 0};
  uint32_t shift = 0;
  while (int64_t{1} << shift < size) ++shift;
  const uint64_t divisor = static_cast<uint64_t>(size);
  const uint64_t power = uint64_t{1} << (31 + shift);
  return {size, static_cast<uint32_t>((power + divisor - 1) / divisor), shift};
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_QUICK_DIVISION_H_
