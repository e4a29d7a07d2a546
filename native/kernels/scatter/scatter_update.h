// What one update does to one element, for each type and function; the same code on a processor and
// on a device.
//
// In an unnamed namespace: each includer compiles it with its own flags.
#ifndef QUIPU_KERNELS_SCATTER_SCATTER_UPDATE_H_
#define QUIPU_KERNELS_SCATTER_SCATTER_UPDATE_H_

#include "kernels/lanes/floats1.h"
#include "kernels/math/basic.h"
#include "kernels/math/integers.h"
#include "kernels/scatter/scatter.h"

namespace quipu {
namespace {

template <class T>
struct Set {
  using Type = T;
  QUIPU_LANES T Of(T, T update) { return update; }
};

// A function of kernels/math on one number.
template <class Function>
struct OfFloats {
  using Type = float;
  QUIPU_LANES float Of(float old, float update) {
    return Function::template Of<Floats1>(old, update);
  }
};

template <class Function, class T>
struct OfIntegers {
  using Type = T;
  QUIPU_LANES T Of(T old, T update) { return Function::Of(old, update); }
};

template <class Use>
QUIPU_HOST_DEVICE static inline auto UseFloats(ScatterFunction function, const Use& use) {
  switch (function) {
    case ScatterFunction::kMultiply:
      return use(OfFloats<MultiplyF32>{});
    case ScatterFunction::kMaximum:
      return use(OfFloats<MaximumF32>{});
    case ScatterFunction::kMinimum:
      return use(OfFloats<MinimumF32>{});
    default:
      return use(OfFloats<AddF32>{});
  }
}

template <class T, class Use>
QUIPU_HOST_DEVICE static inline auto UseIntegers(ScatterFunction function, const Use& use) {
  switch (function) {
    case ScatterFunction::kMultiply:
      return use(OfIntegers<MultiplyInteger<T>, T>{});
    case ScatterFunction::kMaximum:
      return use(OfIntegers<MaximumInteger<T>, T>{});
    case ScatterFunction::kMinimum:
      return use(OfIntegers<MinimumInteger<T>, T>{});
    default:
      return use(OfIntegers<AddInteger<T>, T>{});
  }
}

// use(update) with what holds Type and Of, of the type and function that a job names; not of those
// that set.
template <class Use>
QUIPU_HOST_DEVICE static inline auto UseFunction(ScatterFunction function, DType dtype,
                                                 const Use& use) {
  if (dtype == DType::kF32) return UseFloats(function, use);
  if (dtype == DType::kI32) return UseIntegers<int32_t>(function, use);
  return UseIntegers<int64_t>(function, use);
}

// The same of all.
template <class Use>
static inline auto UseUpdate(ScatterFunction function, DType dtype, const Use& use) {
  if (function != ScatterFunction::kSet) return UseFunction(function, dtype, use);
  switch (DTypeBytes(dtype)) {
    case 1:
      return use(Set<uint8_t>{});
    case 2:
      return use(Set<uint16_t>{});
    case 4:
      return use(Set<uint32_t>{});
    default:
      return use(Set<uint64_t>{});
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_SCATTER_SCATTER_UPDATE_H_
