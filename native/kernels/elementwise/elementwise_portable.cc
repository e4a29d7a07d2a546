// The readable truth of the elementwise kernels.
#include "kernels/elementwise/elementwise.h"
#include "kernels/math/canonical.h"

namespace quipu {

void AddF32Portable(const Elementwise& job) {
  for (int64_t i = 0; i < job.count; ++i) {
    job.out[i] = job.a[i * job.a_step] + job.b[i * job.b_step];
  }
}

void MultiplyF32Portable(const Elementwise& job) {
  for (int64_t i = 0; i < job.count; ++i) {
    job.out[i] = job.a[i * job.a_step] * job.b[i * job.b_step];
  }
}

void CanonicalNanF32Portable(const uint32_t* from, uint32_t* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = CanonicalBitsF32(from[i]);
}

}  // namespace quipu
