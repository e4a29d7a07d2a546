// Few rows: every element of B is used only a few times, so reading B is the whole cost and copying
// it into panels would double it. B is read where it lies, 4 KiB of a few rows at a time; the
// block's accumulators wait in the first-level cache between steps, which rounds nothing: they are
// binary32.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_SKINNY_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_SKINNY_H_

#include <string.h>

#include "kernels/math/canonical.h"
#include "kernels/matmul/matmul.h"

namespace quipu {
namespace {

constexpr int64_t kSkinnyRowsMax = 8;
constexpr int64_t kStripColumns = 1024;
// Elements of B that the second-level cache holds; asking early for what is there only costs.
constexpr int64_t kFetchAheadElements = int64_t{1} << 18;
// And those that the third one holds: fewer rows at a time come out of it sooner, more out of
// memory.
constexpr int64_t kNearElements = int64_t{1} << 21;

// Isa::Strip<steps> takes `steps` rows of B into the accumulators of `rows` rows of C, which are
// `strip` apart; `ahead` is where B goes on, to be fetched early, or null.
// `large`: too large for the second-level cache.
template <typename Isa, int64_t kStripSteps>
void MatmulStrips(const Matmul& job, bool large, float* sums) {
  // So that the accumulators take half of the first-level cache at most.
  const int64_t strip = job.m <= 4 ? kStripColumns : kStripColumns / 2;
  // Copied, because rows that lie a power of two apart would push each other out of the cache.
  float* a = sums + kSkinnyRowsMax * kStripColumns;
  for (int64_t j = 0; j < job.n; j += strip) {
    const int64_t width = job.n - j < strip ? job.n - j : strip;
    for (int64_t start = 0; start < job.k || start == 0; start += kDotBlock) {
      const int64_t end = job.k - start < kDotBlock ? job.k : start + kDotBlock;
      for (int64_t i = 0; i < job.m; ++i) {
        for (int64_t x = 0; x < width; ++x) sums[i * strip + x] = 0.0f;
        if (end == start) continue;  // k = 0, and A may be nowhere
        memcpy(a + i * kDotBlock, job.a + i * job.a_stride + start,
               static_cast<size_t>(end - start) * sizeof(float));
      }
      int64_t p = start;
      for (; p + kStripSteps <= end; p += kStripSteps) {
        const float* b = job.b + p * job.b_stride + j;
        const bool more = large && p + 2 * kStripSteps <= job.k;
        Isa::template Strip<kStripSteps>(a + p - start, kDotBlock, job.m, b, job.b_stride, width,
                                         more ? b + kStripSteps * job.b_stride : nullptr, sums,
                                         strip);
      }
      for (; p < end; ++p) {
        Isa::template Strip<1>(a + p - start, kDotBlock, job.m, job.b + p * job.b_stride + j,
                               job.b_stride, width, nullptr, sums, strip);
      }
      for (int64_t i = 0; i < job.m; ++i) {
        float* total = job.c + i * job.c_stride + j;
        const float* sum = sums + i * strip;
        if (start == 0) {
          for (int64_t x = 0; x < width; ++x) total[x] = sum[x];
        } else {
          for (int64_t x = 0; x < width; ++x) total[x] = total[x] + sum[x];
        }
      }
    }
  }
}

template <typename Isa>
void MatmulSkinny(const Matmul& job, float* sums) {
  const bool large = job.n > kFetchAheadElements / (job.k + 1);
  if (large && job.n <= kNearElements / (job.k + 1)) return MatmulStrips<Isa, 4>(job, large, sums);
  MatmulStrips<Isa, 8>(job, large, sums);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_SKINNY_H_
