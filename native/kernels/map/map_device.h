// The elements of a thread, and a function applied to them. Include only from .cu files.
#ifndef QUIPU_KERNELS_MAP_MAP_DEVICE_H_
#define QUIPU_KERNELS_MAP_MAP_DEVICE_H_

#include "kernels/lanes/floats1.h"
#include "kernels/map/functions.h"
#include "kernels/map/pairs.h"
#include "kernels/math/basic.h"
#include "kernels/math/conversions.h"
#include "kernels/math/error_function.h"
#include "kernels/math/hyperbolic.h"
#include "kernels/math/integers.h"
#include "kernels/math/inverse_trigonometric.h"
#include "kernels/math/power.h"
#include "kernels/math/trigonometric.h"
#include "support/quads.h"

namespace quipu {
namespace {

// How a thread holds its elements: in `kGroups` groups of `kTogether` neighbours.
struct Eight {
  using Word = uint32_t;
  using Index = uint32_t;
  static constexpr int kTogether = kFour, kGroups = 2, kElements = 8;
};
struct One {
  using Word = uint64_t;
  using Index = uint64_t;
  static constexpr int kTogether = 1, kGroups = 1, kElements = 1;
};

template <class Form>
struct Words {
  typename Form::Word at[Form::kElements];
};

template <class Element, class Word>
QUIPU_LANES Element ValueOf(Word bits) {
  Element value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

template <class Word, class Element>
QUIPU_LANES Word WordOf(Element value) {
  Word bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}

// A function over lanes, on one.
template <class Function>
struct OnOneLane {
  template <class... Operands>
  QUIPU_LANES float Of(Operands... operands) {
    return Function::template Of<Floats1>(operands...);
  }
};

template <class Function, class A, class B, class C, class Word>
QUIPU_LANES Word ResultOf(Word a, [[maybe_unused]] Word b, [[maybe_unused]] Word c) {
  using First = typename A::Element;
  using Second = typename B::Element;
  using Third = typename C::Element;
  if constexpr (B::kDType == DType{}) {
    return WordOf<Word>(Function::Of(ValueOf<First>(a)));
  } else if constexpr (C::kDType == DType{}) {
    return WordOf<Word>(Function::Of(ValueOf<First>(a), ValueOf<Second>(b)));
  } else {
    return WordOf<Word>(Function::Of(ValueOf<First>(a), ValueOf<Second>(b), ValueOf<Third>(c)));
  }
}

// Of so much code that it stands there once and not for each element of a thread. Maps of which
// most of the time would be spent there are chains (map_chain.h).
QUIPU_HOST_DEVICE constexpr bool GoesOneByOne(int function) {
  return function == kMapSqrtF32 || function == kMapReciprocalF32 ||
         (function >= kMapExpF32 && function <= kMapGeluF32) || function == kMapDivideF32 ||
         function == kMapPowerF32 || function == kMapRemainderF32 || function == kMapDivideI32 ||
         function == kMapRemainderI32 || function == kMapModuloI32 || function == kMapPowerI32;
}

// The result takes the place of `a`.
template <bool kIsArithmetic, int kNumber, class Function, DType kResult, class A, class B, class C,
          class Form>
QUIPU_LANES void ApplyOne(Words<Form>& a, Words<Form>& b, Words<Form>& c) {
  constexpr int kElements = Form::kElements;
  constexpr bool kFits =
      sizeof(typename Form::Word) == 8 ||
      (kResult != DType::kI64 && A::kDType != DType::kI64 && B::kDType != DType::kI64);
  if constexpr (IsArithmetic(kNumber) != kIsArithmetic || !kFits) {
    return;  // not here, or in no map that is given to this form
  } else if constexpr (GoesOneByOne(kNumber) && kElements > 1) {
    // Each takes its turn at the first place.
    QUIPU_ROLLED
    for (int i = 0; i < kElements; ++i) {
      const auto result = ResultOf<Function, A, B, C>(a.at[0], b.at[0], c.at[0]);
      QUIPU_UNROLL
      for (int k = 0; k + 1 < kElements; ++k) {
        a.at[k] = a.at[k + 1];
        if constexpr (B::kDType != DType{}) b.at[k] = b.at[k + 1];
        if constexpr (C::kDType != DType{}) c.at[k] = c.at[k + 1];
      }
      a.at[kElements - 1] = result;
    }
  } else {
    QUIPU_UNROLL
    for (int i = 0; i < kElements; ++i) {
      a.at[i] = ResultOf<Function, A, B, C>(a.at[i], b.at[i], c.at[i]);
    }
  }
}

template <bool kIsArithmetic, class Form>
__device__ __forceinline__ void ApplyAmong(int function, Words<Form>& a, Words<Form>& b,
                                           Words<Form>& c) {
  switch (function) {
#define QUIPU_LANE_CASE(number, name, result, first, second, third)                          \
  case number:                                                                               \
    return ApplyOne<kIsArithmetic, number, OnOneLane<name>, Map##result::kDType, Map##first, \
                    Map##second, Map##third>(a, b, c);
    QUIPU_MAP_LANES(QUIPU_LANE_CASE)
#undef QUIPU_LANE_CASE
#define QUIPU_PLAIN_CASE(number, name, result, first, second, third)                           \
  case number:                                                                                 \
    return ApplyOne<kIsArithmetic, number, name, Map##result::kDType, Map##first, Map##second, \
                    Map##third>(a, b, c);
    QUIPU_MAP_PLAIN(QUIPU_PLAIN_CASE)
#undef QUIPU_PLAIN_CASE
    default:
      return;  // the operand as it is
  }
}

// Most steps are arithmetic: among few functions the right one is found sooner.
template <class Form>
__device__ __forceinline__ void Apply(int function, Words<Form>& a, Words<Form>& b,
                                      Words<Form>& c) {
  if (IsArithmetic(function)) return ApplyAmong<true>(function, a, b, c);
  ApplyAmong<false>(function, a, b, c);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_MAP_DEVICE_H_
