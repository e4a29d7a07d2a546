// Two steps that are taken as one: what the first gives is the second's first operand, goes there
// within a register, and is nobody else's.
#ifndef QUIPU_KERNELS_MAP_PAIRS_H_
#define QUIPU_KERNELS_MAP_PAIRS_H_

namespace quipu {

// Numbers of functions.h: six of arithmetic, from addition to the maximum; three comparisons.
constexpr int kFirstArithmetic = 40, kArithmetic = 6, kFirstComparison = 50, kComparisons = 3;
constexpr int kSubtraction = 41, kDivision = 43;
constexpr int kFusedFunction = 60, kSelectFunction = 61;

constexpr bool IsArithmetic(int function) {
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
  if (IsComparison(first) && second == kSelectFunction) return kChoices + first - kFirstComparison;
  if (!IsArithmetic(second)) return -1;
  const int last = second - kFirstArithmetic;
  if (first == kFusedFunction) return kFusedPairs + last;
  return IsArithmetic(first) ? (first - kFirstArithmetic) * kArithmetic + last : -1;
}

// Whether the operands of arithmetic may change places, which those of subtraction and division may
// not; no bit that is promised depends on it.
constexpr bool IsCommutative(int function) {
  return IsArithmetic(function) && function != kSubtraction && function != kDivision;
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_PAIRS_H_
