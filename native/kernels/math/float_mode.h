// Sets the SSE control register to what `canonical-1` needs (round to nearest even, subnormals kept,
// exceptions masked) and puts the caller's back. Whoever embeds us may have set flush-to-zero.
#ifndef QUIPU_KERNELS_MATH_FLOAT_MODE_H_
#define QUIPU_KERNELS_MATH_FLOAT_MODE_H_

#include <xmmintrin.h>

namespace quipu {

class FloatMode {
 public:
  FloatMode() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~FloatMode() { _mm_setcsr(saved_); }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
  unsigned int saved_;
};

}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_FLOAT_MODE_H_
