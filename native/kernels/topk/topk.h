// The k first elements of each row in one total order, and where they stood.
//
// Frozen (docs/arithmetic.md, "Top-k"): -Inf < … < -0 = +0 < … < +Inf < NaN; all NaN are equal;
// equal elements go by lower index first, in both directions. `largest` takes the order downwards
// (NaN first), otherwise upwards (NaN last). Values keep the bits that they had in the row.
#ifndef QUIPU_KERNELS_TOPK_TOPK_H_
#define QUIPU_KERNELS_TOPK_TOPK_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/math/canonical.h"

namespace quipu {

// Longest row: an index is kept in 32 bits beside its value.
constexpr int64_t kTopKLengthMax = 0xffffffff;

struct TopK {
  const float* rows;
  float* values;
  int64_t* indices;
  int64_t row_count;
  int64_t length;
  int64_t k;  // 0 … length
  bool largest;
};

// `scratch`: `length` keys of 64 bits, unique in a row. The k greatest keys are the answer, in
// order.
using TopKF32 = void (*)(const TopK& job, uint64_t* scratch);

void TopKF32Portable(const TopK& job, uint64_t* scratch);
void TopKF32Avx2(const TopK& job, uint64_t* scratch);
void TopKF32Avx512(const TopK& job, uint64_t* scratch);

QUIPU_HOST_DEVICE static inline uint64_t TopKKey(uint32_t bits, int64_t index, bool largest) {
  const uint32_t order = OrderF32(bits);
  const uint64_t high = largest ? order : ~order;
  return high << 32 | (0xffffffffu - static_cast<uint32_t>(index));
}

QUIPU_HOST_DEVICE static inline int64_t TopKIndex(uint64_t key) {
  return 0xffffffffu - static_cast<uint32_t>(key);
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_TOPK_TOPK_H_
