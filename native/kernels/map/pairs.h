// Two steps that are taken as one: what the first gives goes to the second within a register and is
// nobody else's.
#ifndef QUIPU_KERNELS_MAP_PAIRS_H_
#define QUIPU_KERNELS_MAP_PAIRS_H_

#include <cstdint>

#include "kernels/math/basic.h"

namespace quipu {

// Which functions may come first and second: their places in a table of pairs, or -1.
constexpr int kPairFirsts = 7, kPairSeconds = 6;

constexpr int PairSecondOf(uint16_t function) {
  return function >= 40 && function <= 45 ? function - 40 : -1;
}
constexpr int PairFirstOf(uint16_t function) { return function == 60 ? 6 : PairSecondOf(function); }

// Whether the operands may change places; no bit that is promised depends on it.
constexpr bool IsCommutative(uint16_t function) {
  return function == 40 || function == 42 || function == 44 || function == 45;
}

namespace {

template <int kFirst>
struct PairFunction;
template <>
struct PairFunction<0> : AddF32 {};
template <>
struct PairFunction<1> : SubtractF32 {};
template <>
struct PairFunction<2> : MultiplyF32 {};
template <>
struct PairFunction<3> : DivideF32 {};
template <>
struct PairFunction<4> : MinimumF32 {};
template <>
struct PairFunction<5> : MaximumF32 {};
template <>
struct PairFunction<6> : FusedMultiplyAddF32 {};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_PAIRS_H_
