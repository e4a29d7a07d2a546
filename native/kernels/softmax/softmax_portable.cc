// The readable truth of softmax: row after row, each sum by the scalar order.
#include "kernels/lanes/floats1.h"
#include "kernels/math/logarithm.h"
#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"
#include "kernels/softmax/softmax.h"

namespace quipu {

void SoftmaxF32Portable(const Softmax& job, float*) {
  using Largest = ExtremeF32<true>;
  for (int64_t row = 0; row < job.rows; ++row) {
    const float* from = job.from + row * job.length;
    float* to = job.to + row * job.length;
    const auto element = [&](int64_t i) { return from[i]; };
    const float most = Largest::Finish(ReduceAll<Largest>(job.length, element));
    const auto below = [&](int64_t i) { return from[i] - most; };
    const auto power = [&](int64_t i) { return ExpF32::Of<Floats1>(below(i)); };
    const float sum = ReduceAll<SumF32>(job.length, power);
    if (job.logarithm) {
      const float log = LogF32::Of<Floats1>(sum);
      for (int64_t i = 0; i < job.length; ++i) to[i] = below(i) - log;
    } else {
      const float inverse = 1.0f / sum;
      for (int64_t i = 0; i < job.length; ++i) to[i] = power(i) * inverse;
    }
  }
}

}  // namespace quipu
