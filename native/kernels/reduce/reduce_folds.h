// What each function does with an element, in scalar form, for the CPU and the device: what a lane
// starts from, how it takes an element and its index, how two lanes are joined, and what the last
// one means. In which order is said in reduce_order.h; only f32 sums and products care.
//
// In an unnamed namespace: copies for other instruction sets must not be merged.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_FOLDS_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_FOLDS_H_

#include <stdint.h>

#include "kernels/math/canonical.h"
#include "kernels/reduce/reduce.h"

namespace quipu {
namespace {

// What all folds have: From is an element, Value a lane, To a result.
template <class FromType, class ValueType = FromType, class ToType = FromType>
struct Fold {
  static constexpr bool kIndexed = false;  // whether an element's index matters
  static constexpr bool kOrdered = false;  // whether order does
  using From = FromType;
  using Value = ValueType;
  using To = ToType;
};

struct SumF32 : Fold<float> {
  static constexpr bool kOrdered = true;
  QUIPU_HOST_DEVICE static float Start() { return 0.0f; }
  QUIPU_HOST_DEVICE static float Take(float lane, float x, uint32_t) { return lane + x; }
  QUIPU_HOST_DEVICE static float Join(float a, float b) { return a + b; }
  QUIPU_HOST_DEVICE static float Finish(float value) { return value; }
};

struct ProductF32 : Fold<float> {
  static constexpr bool kOrdered = true;
  QUIPU_HOST_DEVICE static float Start() { return 1.0f; }
  QUIPU_HOST_DEVICE static float Take(float lane, float x, uint32_t) { return lane * x; }
  QUIPU_HOST_DEVICE static float Join(float a, float b) { return a * b; }
  QUIPU_HOST_DEVICE static float Finish(float value) { return value; }
};

struct SumOfSquaresF32 : SumF32 {
  QUIPU_HOST_DEVICE static float Take(float lane, float x, uint32_t) {
    return FusedF32(x, x, lane);
  }
};

// Extremes of binary32 are those of integers in the order of values, in which -0 < +0 and NaN is
// beyond all others on the side that wins.
template <bool kLargest>
struct ExtremeF32 : Fold<float, int32_t> {
  static constexpr int32_t kNan = kLargest ? INT32_MAX : INT32_MIN;

  QUIPU_HOST_DEVICE static int32_t Ordered(int32_t bits) {
    return bits ^ ((bits >> 31) & INT32_MAX);
  }
  QUIPU_HOST_DEVICE static int32_t Start() {
    return Ordered(static_cast<int32_t>(kLargest ? 0xff800000u : 0x7f800000u));
  }
  QUIPU_HOST_DEVICE static int32_t Take(int32_t lane, float x, uint32_t) {
    const int32_t bits = static_cast<int32_t>(BitsOfF32(x));
    return Join(lane, (bits & INT32_MAX) > 0x7f800000 ? kNan : Ordered(bits));
  }
  QUIPU_HOST_DEVICE static int32_t Join(int32_t a, int32_t b) {
    return kLargest ? (a > b ? a : b) : (a < b ? a : b);
  }
  QUIPU_HOST_DEVICE static float Finish(int32_t value) {
    return F32OfBits(value == kNan ? kCanonicalNan : static_cast<uint32_t>(Ordered(value)));
  }
};

// A place is the greatest of keys that hold value and index, as in top-k, where of equal values the
// first wins; the last does when indices are counted from the other end.
template <bool kLargest, bool kLast>
struct PlaceF32 : Fold<float, uint64_t, int64_t> {
  static constexpr bool kIndexed = true;
  QUIPU_HOST_DEVICE static uint64_t Start() { return 0; }
  QUIPU_HOST_DEVICE static uint64_t Take(uint64_t lane, float x, uint32_t index) {
    const uint32_t order = OrderF32(BitsOfF32(x));
    const uint64_t high = kLargest ? order : ~order;
    return Join(lane, high << 32 | (kLast ? index : ~index));
  }
  QUIPU_HOST_DEVICE static uint64_t Join(uint64_t a, uint64_t b) { return a > b ? a : b; }
  QUIPU_HOST_DEVICE static int64_t Finish(uint64_t value) {
    const uint32_t index = static_cast<uint32_t>(value);
    return kLast ? index : ~index;
  }
};

// Integers wrap: sums and products are those of their unsigned twins.
template <class Integer, class Unsigned>
struct SumOf : Fold<Integer, Unsigned> {
  QUIPU_HOST_DEVICE static Unsigned Start() { return 0; }
  QUIPU_HOST_DEVICE static Unsigned Take(Unsigned lane, Integer x, uint32_t) {
    return lane + static_cast<Unsigned>(x);
  }
  QUIPU_HOST_DEVICE static Unsigned Join(Unsigned a, Unsigned b) { return a + b; }
  QUIPU_HOST_DEVICE static Integer Finish(Unsigned value) { return static_cast<Integer>(value); }
};

template <class Integer, class Unsigned>
struct ProductOf : SumOf<Integer, Unsigned> {
  QUIPU_HOST_DEVICE static Unsigned Start() { return 1; }
  QUIPU_HOST_DEVICE static Unsigned Take(Unsigned lane, Integer x, uint32_t) {
    return lane * static_cast<Unsigned>(x);
  }
  QUIPU_HOST_DEVICE static Unsigned Join(Unsigned a, Unsigned b) { return a * b; }
};

template <class Integer, class Unsigned>
struct SumOfSquaresOf : SumOf<Integer, Unsigned> {
  QUIPU_HOST_DEVICE static Unsigned Take(Unsigned lane, Integer x, uint32_t) {
    return lane + static_cast<Unsigned>(x) * static_cast<Unsigned>(x);
  }
};

template <class Integer, bool kLargest>
struct ExtremeOf : Fold<Integer> {
  QUIPU_HOST_DEVICE static Integer Start() {
    constexpr Integer kMost = static_cast<Integer>(sizeof(Integer) == 8 ? INT64_MAX : INT32_MAX);
    return kLargest ? -kMost - 1 : kMost;
  }
  QUIPU_HOST_DEVICE static Integer Take(Integer lane, Integer x, uint32_t) { return Join(lane, x); }
  QUIPU_HOST_DEVICE static Integer Join(Integer a, Integer b) {
    return kLargest ? (a > b ? a : b) : (a < b ? a : b);
  }
  QUIPU_HOST_DEVICE static Integer Finish(Integer value) { return value; }
};

// Calls `with` with the fold of a function over elements of a type; false when there is none.
template <class With>
inline bool WithIntegerFold(ReduceFunction function, DType dtype, const With& with) {
  const bool wide = dtype == DType::kI64;
  switch (function) {
    case ReduceFunction::kSum:
      return wide ? with(SumOf<int64_t, uint64_t>()) : with(SumOf<int32_t, uint32_t>());
    case ReduceFunction::kProduct:
      return wide ? with(ProductOf<int64_t, uint64_t>()) : with(ProductOf<int32_t, uint32_t>());
    case ReduceFunction::kMaximum:
      return wide ? with(ExtremeOf<int64_t, true>()) : with(ExtremeOf<int32_t, true>());
    case ReduceFunction::kMinimum:
      return wide ? with(ExtremeOf<int64_t, false>()) : with(ExtremeOf<int32_t, false>());
    case ReduceFunction::kSumOfSquares:
      return wide ? with(SumOfSquaresOf<int64_t, uint64_t>())
                  : with(SumOfSquaresOf<int32_t, uint32_t>());
    default:
      return false;
  }
}

template <class With>
inline bool WithFold(ReduceFunction function, DType dtype, const With& with) {
  if (dtype == DType::kI64 || dtype == DType::kI32) return WithIntegerFold(function, dtype, with);
  if (dtype != DType::kF32) return false;
  switch (function) {
    case ReduceFunction::kSum:
      return with(SumF32());
    case ReduceFunction::kProduct:
      return with(ProductF32());
    case ReduceFunction::kMaximum:
      return with(ExtremeF32<true>());
    case ReduceFunction::kMinimum:
      return with(ExtremeF32<false>());
    case ReduceFunction::kSumOfSquares:
      return with(SumOfSquaresF32());
    case ReduceFunction::kMaximumFirst:
      return with(PlaceF32<true, false>());
    case ReduceFunction::kMaximumLast:
      return with(PlaceF32<true, true>());
    case ReduceFunction::kMinimumFirst:
      return with(PlaceF32<false, false>());
    case ReduceFunction::kMinimumLast:
      return with(PlaceF32<false, true>());
  }
  return false;
}

// The fold that joins a function's results; false when it has none.
template <class With>
inline bool WithJoin(ReduceFunction function, DType dtype, const With& with) {
  if (function == ReduceFunction::kSumOfSquares) function = ReduceFunction::kSum;
  return WithFold(function, dtype, [&with](auto fold) {
    if constexpr (decltype(fold)::kIndexed) {
      return false;
    } else {
      return with(fold);
    }
  });
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_FOLDS_H_
