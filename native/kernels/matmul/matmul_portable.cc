// The readable truth: every other backend must give these bits.
#include "kernels/math/canonical.h"
#include "kernels/matmul/matmul.h"

namespace quipu {

// Rows of B are walked in the inner loop so that memory is read in order; each output still sees
// its own terms with k ascending, which is all that the order asks for.
void MatmulF32Portable(const Matmul& job, float* scratch) {
  constexpr int64_t kStrip = 1024;
  for (int64_t i = 0; i < job.m; ++i) {
    for (int64_t j = 0; j < job.n; j += kStrip) {
      const int64_t width = job.n - j < kStrip ? job.n - j : kStrip;
      float* total = job.c + i * job.c_stride + j;
      for (int64_t x = 0; x < width; ++x) total[x] = 0.0f;
      for (int64_t start = 0; start < job.k; start += kDotBlock) {
        const int64_t end = job.k - start < kDotBlock ? job.k : start + kDotBlock;
        float* sum = scratch;
        for (int64_t x = 0; x < width; ++x) sum[x] = 0.0f;
        for (int64_t p = start; p < end; ++p) {
          const float a = job.a[i * job.a_stride + p];
          const float* b = job.b + p * job.b_stride + j;
          for (int64_t x = 0; x < width; ++x) sum[x] = FusedF32(a, b[x], sum[x]);
        }
        for (int64_t x = 0; x < width; ++x) total[x] = start == 0 ? sum[x] : total[x] + sum[x];
      }
    }
  }
}

}  // namespace quipu
