// Which way a convolution goes on the vector backends.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_VECTOR_H_
#define QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_VECTOR_H_

#include "kernels/convolution/convolution_depthwise.h"
#include "kernels/convolution/convolution_rows.h"
#include "kernels/matmul/matmul_vector.h"

namespace quipu {
namespace {

// One tap, no padding, no steps: the inputs are the matrix.
static inline bool IsMatmul(const Convolution& job) {
  bool plain = VolumeOf(job.kernel) == 1;
  for (int axis = 0; axis < 3; ++axis) {
    plain = plain && job.stride[axis] == 1 && job.pad[axis] == 0 && job.in[axis] == job.out[axis];
  }
  return plain;
}

template <typename Isa, typename Lanes>
void ConvolveGroup(const Convolution& job, float* scratch) {
  if (job.panels.data != nullptr) return ConvolutionRows<Isa>(job, scratch);
  const int64_t positions = VolumeOf(job.out);
  const int64_t k = DepthOf(job);
  const Matmul product = {job.w,     job.x + job.begin, job.y + job.begin,   k, positions,
                          positions, job.out_channels,  job.end - job.begin, k};
  if (IsMatmul(job)) return MatmulVector<Isa>(product, scratch);
  if (job.stride[2] > kVectorStepMax) return ConvolutionF32Portable(job, scratch);
  if (k > 0 && job.out_channels <= kDirectChannelsMax && job.kernel[2] <= kDirectWidthMax) {
    return ConvolutionDirect<Lanes>(job);
  }
  MatmulPacked<Isa>(product, WindowColumns<Isa, Lanes>{job}, scratch);
}

template <typename Isa, typename Lanes>
void ConvolutionVector(const Convolution& job, float* scratch) {
  if (IsDepthwise(job)) return ConvolutionDepthwise<Lanes>(job);
  for (int64_t group = 0; group < job.groups; ++group) {
    ConvolveGroup<Isa, Lanes>(GroupOf(job, group), scratch);
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_VECTOR_H_
