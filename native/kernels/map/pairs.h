// Two steps that are taken as one: what the first gives is the second's first operand, goes there
// within a register, and is nobody else's.
#ifndef QUIPU_KERNELS_MAP_PAIRS_H_
#define QUIPU_KERNELS_MAP_PAIRS_H_

#include "kernels/map/functions.h"

namespace quipu {

// Six functions of arithmetic, from addition to the maximum; three comparisons.
constexpr int kFirstArithmetic = kMapAddF32, kFirstComparison = kMapEqualF32;
constexpr int kArithmetic = kMapMaximumF32 + 1 - kFirstArithmetic;
constexpr int kComparisons = kMapLessOrEqualF32 + 1 - kFirstComparison;

QUIPU_HOST_DEVICE constexpr bool IsArithmetic(int function) {
  return function >= kFirstArithmetic && function < kFirstArithmetic + kArithmetic;
}
constexpr bool IsComparison(int function) {
  return function >= kFirstComparison && function < kFirstComparison + kComparisons;
}

// Any arithmetic, or fused, and one more of it; a comparison that chooses between two elements.
constexpr int kFusedPairs = kArithmetic * kArithmetic;
constexpr int kChoices = kFusedPairs + kArithmetic, kPairs = kChoices + kComparisons;

// The number of the pair, or -1.
constexpr int PairOf(int first, int second) {
  if (IsComparison(first) && second == kMapSelectF32) return kChoices + first - kFirstComparison;
  if (!IsArithmetic(second)) return -1;
  const int last = second - kFirstArithmetic;
  if (first == kMapFusedMultiplyAddF32) return kFusedPairs + last;
  return IsArithmetic(first) ? (first - kFirstArithmetic) * kArithmetic + last : -1;
}

// Whether the operands of arithmetic may change places, which those of subtraction and division may
// not; no bit that is promised depends on it.
constexpr bool IsCommutative(int function) {
  return IsArithmetic(function) && function != kMapSubtractF32 && function != kMapDivideF32;
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_PAIRS_H_
