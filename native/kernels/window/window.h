// A window that moves over planes: what convolution and pooling have in common.
#ifndef QUIPU_KERNELS_WINDOW_WINDOW_H_
#define QUIPU_KERNELS_WINDOW_WINDOW_H_

#include <stdint.h>

#include "quipu/device.h"

namespace quipu {

// Three spatial axes (depth, height, width); where there are fewer, the leading ones are 1, with
// stride 1 and no padding. in, kernel, out, stride, dilation ≥ 1; pad ≥ 0.
struct Window {
  int64_t in[3];
  int64_t kernel[3];
  int64_t out[3];
  int64_t stride[3];
  int64_t dilation[3];
  int64_t pad[3];  // before the first element; what lies beyond the last follows from out
};

// Further apart than this the lanes of a vector may be out of reach of its 32-bit offsets.
constexpr int64_t kVectorStepMax = int64_t{1} << 20;

QUIPU_HOST_DEVICE static inline int64_t VolumeOf(const int64_t size[3]) {
  return size[0] * size[1] * size[2];
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_WINDOW_WINDOW_H_
