// The readable truth: every other backend must give these bits.
#include "kernels/convolution/convolution.h"
#include "kernels/math/canonical.h"

namespace quipu {
namespace {

// Output positions are walked in the inner loop, so that a tap is looked up once for many of them;
// each output still sees its own terms in order.
void ConvolveGroup(const Convolution& job, float* scratch) {
  constexpr int64_t kStrip = 1024;
  const int64_t k = DepthOf(job);
  const int64_t positions = VolumeOf(job.out);
  for (int64_t o = 0; o < job.out_channels; ++o) {
    for (int64_t j = job.begin; j < job.end; j += kStrip) {
      const int64_t width = job.end - j < kStrip ? job.end - j : kStrip;
      float* total = job.y + o * positions + j;
      for (int64_t x = 0; x < width; ++x) total[x] = 0.0f;
      for (int64_t start = 0; start < k; start += kDotBlock) {
        const int64_t end = k - start < kDotBlock ? k : start + kDotBlock;
        float* sum = scratch;
        for (int64_t x = 0; x < width; ++x) sum[x] = 0.0f;
        for (int64_t p = start; p < end; ++p) {
          const float weight = job.w[o * k + p];
          const ConvolutionPlace tap = TapAt(job, p);
          ConvolutionPlace corner = CornerAt(job, j);
          int64_t left = job.out[2] - j % job.out[2];  // in this row of outputs
          for (int64_t x = 0; x < width; ++x) {
            sum[x] = FusedF32(weight, InputAt(job, job.x, tap, corner), sum[x]);
            corner.at[2] += job.stride[2];
            if (--left > 0) continue;
            corner = CornerAt(job, j + x + 1);
            left = job.out[2];
          }
        }
        for (int64_t x = 0; x < width; ++x) total[x] = start == 0 ? sum[x] : total[x] + sum[x];
      }
    }
  }
}

}  // namespace

void ConvolutionF32Portable(const Convolution& job, float* scratch) {
  for (int64_t group = 0; group < job.groups; ++group) ConvolveGroup(GroupOf(job, group), scratch);
}

}  // namespace quipu
