// Functions of binary32 that are one or a few rounded operations, over lanes (kernels/lanes).
#ifndef QUIPU_KERNELS_MATH_BASIC_H_
#define QUIPU_KERNELS_MATH_BASIC_H_

#include "kernels/lanes/inline.h"

namespace quipu {
namespace {

struct NegateF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return -x;
  }
};

struct AbsoluteF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return L::Absolute(x);
  }
};

struct SqrtF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return L::Sqrt(x);
  }
};

struct ReciprocalF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return L::Set(1.0f) / x;
  }
};

struct FloorF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return L::Floor(x);
  }
};

struct CeilF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return L::Ceil(x);
  }
};

struct RoundEvenF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return L::RoundEven(x);
  }
};

struct TruncateF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    return L::Truncate(x);
  }
};

// Zeros and NaN stay as they are.
struct SignF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    const typename L::Mask some = L::Less(L::Set(0.0f), L::Absolute(x));
    return L::Select(some, L::WithSign(L::Set(1.0f), x), x);
  }
};

struct AddF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b) {
    return a + b;
  }
};

struct SubtractF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b) {
    return a - b;
  }
};

struct MultiplyF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b) {
    return a * b;
  }
};

struct DivideF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b) {
    return a / b;
  }
};

// NaN if one is; -0 is less than +0.
struct MinimumF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b) {
    return L::Minimum(a, b);
  }
};

struct MaximumF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b) {
    return L::Maximum(a, b);
  }
};

struct FusedMultiplyAddF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float a, typename L::Float b, typename L::Float c) {
    return L::Fma(a, b, c);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_BASIC_H_
