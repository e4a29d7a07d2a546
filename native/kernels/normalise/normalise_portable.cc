// The readable truth of normalisation: row after row, each sum by the scalar order.
#include "kernels/normalise/normalise_row.h"
#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"

namespace quipu {

void NormaliseF32Portable(const Normalise& job) {
  for (int64_t row = 0; row < job.rows; ++row) {
    const float* from = job.from + row * job.length;
    float* to = job.to + row * job.length;
    const auto element = [&](int64_t i) { return from[i]; };
    const float mean = ReduceAll<SumF32>(job.length, element) / static_cast<float>(job.length);
    const auto deviation = [&](int64_t i) { return from[i] - mean; };
    const float inverse = InverseDeviation(ReduceAll<SumOfSquaresF32>(job.length, deviation),
                                           job.length, job.epsilon);
    const ScaleAndBias after = ScaleAndBiasOf(job, row);
    for (int64_t i = 0; i < job.length; ++i) {
      to[i] = NormalisedElement(from[i], mean, inverse, after, i);
    }
    WriteMoments(job, row, mean, inverse);
  }
}

}  // namespace quipu
