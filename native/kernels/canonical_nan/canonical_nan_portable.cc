// The readable truth.
#include "kernels/canonical_nan/canonical_nan.h"
#include "kernels/math/canonical.h"

namespace quipu {

void CanonicalNanF32Portable(const uint32_t* from, uint32_t* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = CanonicalBitsF32(from[i]);
}

}  // namespace quipu
