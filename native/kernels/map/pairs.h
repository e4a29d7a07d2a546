// Two steps that are taken as one: what the first gives is the second's first operand, goes there
// within a register, and is nobody else's.
#ifndef QUIPU_KERNELS_MAP_PAIRS_H_
#define QUIPU_KERNELS_MAP_PAIRS_H_

#include <cstdint>

#include "kernels/math/basic.h"

namespace quipu {

constexpr bool IsArithmetic(int function) { return function >= 40 && function <= 45; }
constexpr bool IsComparison(int function) { return function >= 50 && function <= 52; }
constexpr int kFusedFunction = 60, kSelectFunction = 61;

// Any arithmetic and one more of it, and a comparison that chooses between two elements.
constexpr int kArithmeticPairs = 7 * 6, kPairs = kArithmeticPairs + 3;

// The number of the pair, or -1.
constexpr int PairOf(int first, int second) {
  if (IsComparison(first) && second == kSelectFunction) return kArithmeticPairs + first - 50;
  if (!IsArithmetic(second)) return -1;
  if (first == kFusedFunction) return 6 * 6 + second - 40;
  return IsArithmetic(first) ? (first - 40) * 6 + second - 40 : -1;
}

// Whether the operands may change places; no bit that is promised depends on it.
constexpr bool IsCommutative(int function) {
  return function == 40 || function == 42 || function == 44 || function == 45;
}

namespace {

struct Compare {
  template <class L, int kFunction>
  QUIPU_LANES typename L::Mask Of(typename L::Float a, typename L::Float b) {
    if constexpr (kFunction == 50) return L::Equal(a, b);
    if constexpr (kFunction == 51) return L::Less(a, b);
    return L::LessOrEqual(a, b);
  }
};

struct Arithmetic {
  template <class L, int kFunction>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b) {
    if constexpr (kFunction == 40) return a + b;
    if constexpr (kFunction == 41) return a - b;
    if constexpr (kFunction == 42) return a * b;
    if constexpr (kFunction == 43) return a / b;
    if constexpr (kFunction == 44) return L::Minimum(a, b);
    return L::Maximum(a, b);
  }
};

// Operands: those of the first function, and the others of the second.
template <class L, int kPair>
QUIPU_LANES typename L::Float PairOver(typename L::Float a, typename L::Float b,
                                       typename L::Float c, typename L::Float d) {
  if constexpr (kPair >= kArithmeticPairs) {
    return L::Select(Compare::Of<L, 50 + kPair - kArithmeticPairs>(a, b), c, d);
  } else if constexpr (kPair >= 6 * 6) {
    return Arithmetic::Of<L, 40 + kPair % 6>(L::Fma(a, b, c), d);
  } else {
    return Arithmetic::Of<L, 40 + kPair % 6>(Arithmetic::Of<L, 40 + kPair / 6>(a, b), d);
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_PAIRS_H_
