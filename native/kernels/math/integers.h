// Functions of integers and truth values, one element at a time. Sums, differences, products and
// powers wrap; nothing traps.
#ifndef QUIPU_KERNELS_MATH_INTEGERS_H_
#define QUIPU_KERNELS_MATH_INTEGERS_H_

#include <stdint.h>

#include "kernels/lanes/inline.h"

namespace quipu {
namespace {

template <class T>
struct UnsignedOf;
template <>
struct UnsignedOf<int32_t> {
  using Type = uint32_t;
};
template <>
struct UnsignedOf<int64_t> {
  using Type = uint64_t;
};

template <class T>
struct NegateInteger {
  QUIPU_LANES T Of(T a) { return static_cast<T>(0 - static_cast<typename UnsignedOf<T>::Type>(a)); }
};

template <class T>
struct AbsoluteInteger {  // the least integer stays as it is
  QUIPU_LANES T Of(T a) { return a < 0 ? NegateInteger<T>::Of(a) : a; }
};

template <class T>
struct SignInteger {
  QUIPU_LANES T Of(T a) { return static_cast<T>((a > 0) - (a < 0)); }
};

template <class T>
struct AddInteger {
  using Wide = typename UnsignedOf<T>::Type;
  QUIPU_LANES T Of(T a, T b) { return static_cast<T>(static_cast<Wide>(a) + static_cast<Wide>(b)); }
};

template <class T>
struct SubtractInteger {
  using Wide = typename UnsignedOf<T>::Type;
  QUIPU_LANES T Of(T a, T b) { return static_cast<T>(static_cast<Wide>(a) - static_cast<Wide>(b)); }
};

template <class T>
struct MultiplyInteger {
  using Wide = typename UnsignedOf<T>::Type;
  QUIPU_LANES T Of(T a, T b) { return static_cast<T>(static_cast<Wide>(a) * static_cast<Wide>(b)); }
};

// Towards zero. By 0: 0. By -1 apart, because the least integer has no opposite.
template <class T>
struct DivideInteger {
  QUIPU_LANES T Of(T a, T b) {
    if (b == 0) return 0;
    return b == -1 ? NegateInteger<T>::Of(a) : a / b;
  }
};

// The sign of the dividend. By 0: 0.
template <class T>
struct RemainderInteger {
  QUIPU_LANES T Of(T a, T b) { return b == 0 || b == -1 ? 0 : a % b; }
};

// The sign of the divisor. By 0: 0.
template <class T>
struct ModuloInteger {
  QUIPU_LANES T Of(T a, T b) {
    const T rest = RemainderInteger<T>::Of(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
};

template <class T>
struct MinimumInteger {
  QUIPU_LANES T Of(T a, T b) { return a < b ? a : b; }
};

template <class T>
struct MaximumInteger {
  QUIPU_LANES T Of(T a, T b) { return a > b ? a : b; }
};

// A negative exponent gives the integer part of the power: 0, but for the bases 1 and -1. So does
// base 0, which has none.
template <class T>
struct PowerInteger {
  QUIPU_LANES T Of(T base, T exponent) {
    if (exponent < 0) {
      if (base != 1 && base != -1) return 0;
      return base == 1 || (exponent & 1) == 0 ? 1 : -1;
    }
    T power = 1;
    for (T square = base; exponent != 0; exponent >>= 1) {
      if ((exponent & 1) != 0) power = MultiplyInteger<T>::Of(power, square);
      square = MultiplyInteger<T>::Of(square, square);
    }
    return power;
  }
};

template <class T>
struct EqualPlain {
  QUIPU_LANES uint8_t Of(T a, T b) { return a == b; }
};

template <class T>
struct LessPlain {
  QUIPU_LANES uint8_t Of(T a, T b) { return a < b; }
};

template <class T>
struct LessOrEqualPlain {
  QUIPU_LANES uint8_t Of(T a, T b) { return a <= b; }
};

template <class T>
struct SelectPlain {
  QUIPU_LANES T Of(uint8_t which, T a, T b) { return which != 0 ? a : b; }
};

using NegateI64 = NegateInteger<int64_t>;
using AbsoluteI64 = AbsoluteInteger<int64_t>;
using SignI64 = SignInteger<int64_t>;
using AddI64 = AddInteger<int64_t>;
using SubtractI64 = SubtractInteger<int64_t>;
using MultiplyI64 = MultiplyInteger<int64_t>;
using DivideI64 = DivideInteger<int64_t>;
using RemainderI64 = RemainderInteger<int64_t>;
using ModuloI64 = ModuloInteger<int64_t>;
using MinimumI64 = MinimumInteger<int64_t>;
using MaximumI64 = MaximumInteger<int64_t>;
using PowerI64 = PowerInteger<int64_t>;
using EqualI64 = EqualPlain<int64_t>;
using LessI64 = LessPlain<int64_t>;
using LessOrEqualI64 = LessOrEqualPlain<int64_t>;
using SelectI64 = SelectPlain<int64_t>;

using NegateI32 = NegateInteger<int32_t>;
using AbsoluteI32 = AbsoluteInteger<int32_t>;
using SignI32 = SignInteger<int32_t>;
using AddI32 = AddInteger<int32_t>;
using SubtractI32 = SubtractInteger<int32_t>;
using MultiplyI32 = MultiplyInteger<int32_t>;
using DivideI32 = DivideInteger<int32_t>;
using RemainderI32 = RemainderInteger<int32_t>;
using ModuloI32 = ModuloInteger<int32_t>;
using MinimumI32 = MinimumInteger<int32_t>;
using MaximumI32 = MaximumInteger<int32_t>;
using PowerI32 = PowerInteger<int32_t>;
using EqualI32 = EqualPlain<int32_t>;
using LessI32 = LessPlain<int32_t>;
using LessOrEqualI32 = LessOrEqualPlain<int32_t>;
using SelectI32 = SelectPlain<int32_t>;

using EqualF32 = EqualPlain<float>;
using LessF32 = LessPlain<float>;
using LessOrEqualF32 = LessOrEqualPlain<float>;
using SelectF32 = SelectPlain<float>;

using EqualBool = EqualPlain<uint8_t>;
using SelectBool = SelectPlain<uint8_t>;

struct AndBool {
  QUIPU_LANES uint8_t Of(uint8_t a, uint8_t b) { return a & b; }
};
struct OrBool {
  QUIPU_LANES uint8_t Of(uint8_t a, uint8_t b) { return a | b; }
};
struct XorBool {
  QUIPU_LANES uint8_t Of(uint8_t a, uint8_t b) { return a ^ b; }
};
struct NotBool {
  QUIPU_LANES uint8_t Of(uint8_t a) { return a ^ 1; }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_INTEGERS_H_
