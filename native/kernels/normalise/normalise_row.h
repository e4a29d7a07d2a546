// What normalisation does with one number, for the CPU and the device.
//
// In an unnamed namespace: copies for other instruction sets must not be merged.
#ifndef QUIPU_KERNELS_NORMALISE_NORMALISE_ROW_H_
#define QUIPU_KERNELS_NORMALISE_NORMALISE_ROW_H_

#include "kernels/lanes/floats1.h"
#include "kernels/normalise/normalise.h"

namespace quipu {
namespace {

QUIPU_LANES float InverseDeviation(float squares, int64_t length, float epsilon) {
  const float variance = squares / static_cast<float>(length);
  return 1.0f / Floats1::Sqrt(variance + epsilon);
}

// Element i of a row has its scale and bias at step · i of these.
struct ScaleAndBias {
  const float* scale;
  const float* bias;
  int64_t step;
};

QUIPU_LANES ScaleAndBias ScaleAndBiasOf(const Normalise& job, int64_t row) {
  const bool by_place = job.mode == NormaliseMode::kByPlace;
  const int64_t at = by_place ? 0 : (job.first_row + row) % job.channels;
  return {job.scale == nullptr ? nullptr : job.scale + at,
          job.bias == nullptr ? nullptr : job.bias + at, by_place ? 1 : 0};
}

QUIPU_LANES float NormalisedElement(float x, float mean, float inverse, const ScaleAndBias& after,
                                    int64_t i) {
  float y = (x - mean) * inverse;
  if (after.scale != nullptr) y = y * after.scale[i * after.step];
  if (after.bias != nullptr) y = y + after.bias[i * after.step];
  return y;
}

QUIPU_LANES void WriteMoments(const Normalise& job, int64_t row, float mean, float inverse) {
  if (job.mean != nullptr) job.mean[row] = mean;
  if (job.inverse_deviation != nullptr) job.inverse_deviation[row] = inverse;
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_NORMALISE_NORMALISE_ROW_H_
