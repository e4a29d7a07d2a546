// The floating-point mode of canonical arithmetic: nearest even, subnormals kept, no traps. A host
// program may have set flush-to-zero on this thread; each native entry and each pool thread sets
// the mode and entries put the old one back.
#ifndef QUIPU_SUPPORT_FLOATING_MODE_H_
#define QUIPU_SUPPORT_FLOATING_MODE_H_

#if QUIPU_X86
#include <xmmintrin.h>
#endif

namespace quipu {

class CanonicalFloatingMode {
 public:
#if QUIPU_X86
  CanonicalFloatingMode() : before_(_mm_getcsr()) { _mm_setcsr(kDefaultMxcsr); }
  ~CanonicalFloatingMode() { _mm_setcsr(before_); }
#else
  CanonicalFloatingMode() = default;
#endif
  CanonicalFloatingMode(const CanonicalFloatingMode&) = delete;
  CanonicalFloatingMode& operator=(const CanonicalFloatingMode&) = delete;

#if QUIPU_X86
 private:
  static constexpr unsigned kDefaultMxcsr = 0x1f80;  // value at power-up: all exceptions masked
  unsigned before_;
#endif
};

}  // namespace quipu

#endif  // QUIPU_SUPPORT_FLOATING_MODE_H_
