// Polynomials over lanes by Horner's rule, every step fused.
#ifndef QUIPU_KERNELS_MATH_POLYNOMIAL_H_
#define QUIPU_KERNELS_MATH_POLYNOMIAL_H_

#include "kernels/lanes/inline.h"

namespace quipu {
namespace {

template <class L>
QUIPU_LANES typename L::Float Horner(typename L::Float, typename L::Float sum) {
  return sum;
}

// Coefficients from the highest power down.
template <class L, class... Rest>
QUIPU_LANES typename L::Float Horner(typename L::Float x, typename L::Float sum, float next,
                                     Rest... rest) {
  return Horner<L>(x, L::Fma(sum, x, L::Set(next)), rest...);
}

template <class L, class... Rest>
QUIPU_LANES typename L::Float Polynomial(typename L::Float x, float highest, Rest... rest) {
  return Horner<L>(x, L::Set(highest), rest...);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_POLYNOMIAL_H_
