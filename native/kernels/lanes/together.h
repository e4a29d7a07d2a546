// Two vectors as one, and by that four: a function of kernels/math over them does each of its steps
// for all, so that the processor need not look far ahead for work while one step waits for another.
// The names of floats1.h that the exponential functions use.
#ifndef QUIPU_KERNELS_LANES_TOGETHER_H_
#define QUIPU_KERNELS_LANES_TOGETHER_H_

#include "kernels/lanes/inline.h"

namespace quipu {
namespace {

template <class L>
struct Both {
  typename L::Float a, b;
};

template <class L>
QUIPU_LANES Both<L> operator+(Both<L> x, Both<L> y) {
  return {x.a + y.a, x.b + y.b};
}
template <class L>
QUIPU_LANES Both<L> operator-(Both<L> x, Both<L> y) {
  return {x.a - y.a, x.b - y.b};
}
template <class L>
QUIPU_LANES Both<L> operator*(Both<L> x, Both<L> y) {
  return {x.a * y.a, x.b * y.b};
}

template <class L>
struct Together {
  using Float = Both<L>;

  QUIPU_LANES Float Set(float x) { return {L::Set(x), L::Set(x)}; }
  QUIPU_LANES Float Fma(Float x, Float y, Float z) {
    return {L::Fma(x.a, y.a, z.a), L::Fma(x.b, y.b, z.b)};
  }
  QUIPU_LANES Float GreaterOrSecond(Float x, Float y) {
    return {L::GreaterOrSecond(x.a, y.a), L::GreaterOrSecond(x.b, y.b)};
  }
  QUIPU_LANES Float LessOrSecond(Float x, Float y) {
    return {L::LessOrSecond(x.a, y.a), L::LessOrSecond(x.b, y.b)};
  }
  QUIPU_LANES Float Scale(Float x, Float n) { return {L::Scale(x.a, n.a), L::Scale(x.b, n.b)}; }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_TOGETHER_H_
