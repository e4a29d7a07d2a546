// Division of numbers below 2^31 by a size that many of them are divided by: a multiplication and a
// shift on a device, which has no instruction for division.
#ifndef QUIPU_SUPPORT_QUICK_DIVISION_H_
#define QUIPU_SUPPORT_QUICK_DIVISION_H_

#include <stdint.h>

#include "quipu/device.h"

namespace quipu {

// With 2^p the least power of two that is not below the size, multiplier = ceil(2^(31 + p) / size):
// its error times a number below 2^31 stays below the last bit.
struct QuickDivisor {
  uint32_t multiplier, shift;

  QUIPU_HOST_DEVICE uint32_t Quotient(uint32_t number) const {
    return static_cast<uint32_t>(static_cast<uint64_t>(number) * multiplier >> 32) >> shift;
  }
};

// Of sizes from 2 to below 2^31; of others nothing of use.
static inline QuickDivisor QuickDivisorOf(int64_t size) {
  if (size < 2 || size > INT32_MAX) return {0, 0};
  uint32_t bits = 1;
  while (int64_t{1} << bits < size) ++bits;
  const uint64_t divisor = static_cast<uint64_t>(size);
  const uint64_t power = uint64_t{1} << (31 + bits);
  return {static_cast<uint32_t>((power + divisor - 1) / divisor), bits - 1};
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_QUICK_DIVISION_H_
