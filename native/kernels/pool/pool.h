// Greatest and mean element under a window that moves over planes, canonical (docs/arithmetic.md,
// "Pooling"). What lies in the padding takes no part in either.
//
// Greatest: in the order -Inf < … < -0 < +0 < … < +Inf < NaN, all NaN equal; of equal elements the
// first in the window, row-major. A window that sees only padding gives -Inf and index -1.
// Mean: the sum starts at +0 and takes the window's elements row-major, one rounded addition each;
// then one division by their number, rounded to binary32. None: +0 / +0, NaN.
//
// A call computes on the calling thread only, the planes that it is asked for.
#ifndef QUIPU_KERNELS_POOL_POOL_H_
#define QUIPU_KERNELS_POOL_POOL_H_

#include <stdint.h>

#include "kernels/lanes/inside.h"
#include "kernels/math/canonical.h"
#include "kernels/window/window.h"

namespace quipu {

struct MaxPool : Window {
  const float* x;     // plane 0 of the tensor
  float* y;           // of plane 0
  int64_t* indices;   // of plane 0, or null: where in the whole tensor x each element stood
  bool column_major;  // indices count a plane's first axis fastest
  int64_t begin;      // of the planes to do
  int64_t end;
};

struct AveragePool : Window {
  const float* x;
  float* y;
  bool count_padding;  // taps in the padding count, up to `pad_end` elements after the last
  int64_t pad_end[3];
  int64_t begin;
  int64_t end;
};

using MaxPoolF32 = void (*)(const MaxPool& job);
using AveragePoolF32 = void (*)(const AveragePool& job);

void MaxPoolF32Portable(const MaxPool& job);
void MaxPoolF32Avx2(const MaxPool& job);
void MaxPoolF32Avx512(const MaxPool& job);
void AveragePoolF32Portable(const AveragePool& job);
void AveragePoolF32Avx2(const AveragePool& job);
void AveragePoolF32Avx512(const AveragePool& job);

// A window in one place: where its first tap is, and which taps lie inside the plane.
struct PoolTaps {
  int64_t corner[3];
  Inside inside[3];
};

QUIPU_HOST_DEVICE static inline PoolTaps TapsAt(const Window& window, int64_t position) {
  PoolTaps taps;
  for (int axis = 2; axis >= 0; --axis) {
    taps.corner[axis] = position % window.out[axis] * window.stride[axis] - window.pad[axis];
    position /= window.out[axis];
    taps.inside[axis] =
        InsideOf(taps.corner[axis], window.dilation[axis], window.kernel[axis], window.in[axis]);
  }
  return taps;
}

// Place in the plane of the tap (d, h, w).
QUIPU_HOST_DEVICE static inline int64_t PlaceOf(const Window& window, const PoolTaps& taps,
                                                int64_t d, int64_t h, int64_t w,
                                                bool column_major) {
  const int64_t z = taps.corner[0] + d * window.dilation[0];
  const int64_t y = taps.corner[1] + h * window.dilation[1];
  const int64_t x = taps.corner[2] + w * window.dilation[2];
  // The first axis is the first that the tensor has: with two of them, depth is 1 and adds nothing.
  if (column_major) return z + window.in[0] * (y + window.in[1] * x);
  return (z * window.in[1] + y) * window.in[2] + x;
}

// An unsigned integer in the order of the greatest: above 0, all NaN equal, the zeros not.
QUIPU_HOST_DEVICE static inline uint32_t PoolOrderF32(float value) {
  const uint32_t bits = CanonicalBitsF32(BitsOfF32(value));
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

// One output of one plane.
QUIPU_HOST_DEVICE static inline void MaxPoolOne(const MaxPool& job, int64_t plane,
                                                int64_t position) {
  const int64_t elements = VolumeOf(job.in);
  const float* x = job.x + plane * elements;
  const PoolTaps taps = TapsAt(job, position);
  uint32_t greatest = 0;
  float value = F32OfBits(0xff800000u);
  int64_t index = -1;
  for (int64_t d = taps.inside[0].begin; d < taps.inside[0].end; ++d) {
    for (int64_t h = taps.inside[1].begin; h < taps.inside[1].end; ++h) {
      for (int64_t w = taps.inside[2].begin; w < taps.inside[2].end; ++w) {
        const float candidate = x[PlaceOf(job, taps, d, h, w, false)];
        const uint32_t order = PoolOrderF32(candidate);
        if (order <= greatest) continue;
        greatest = order;
        value = candidate;
        index = plane * elements + PlaceOf(job, taps, d, h, w, job.column_major);
      }
    }
  }
  const int64_t at = plane * VolumeOf(job.out) + position;
  job.y[at] = value;
  if (job.indices != nullptr) job.indices[at] = index;
}

// How many taps of a window count, along one axis.
QUIPU_HOST_DEVICE static inline int64_t CountOf(const AveragePool& job, const PoolTaps& taps,
                                                int axis) {
  Inside counted = taps.inside[axis];
  if (job.count_padding) {
    const int64_t before = job.pad[axis];
    counted = InsideOf(taps.corner[axis] + before, job.dilation[axis], job.kernel[axis],
                       before + job.in[axis] + job.pad_end[axis]);
  }
  return counted.end > counted.begin ? counted.end - counted.begin : 0;
}

QUIPU_HOST_DEVICE static inline float QuotientF32(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fdiv_rn(a, b);
#else
  return a / b;
#endif
}

QUIPU_HOST_DEVICE static inline void AveragePoolOne(const AveragePool& job, int64_t plane,
                                                    int64_t position) {
  const float* x = job.x + plane * VolumeOf(job.in);
  const PoolTaps taps = TapsAt(job, position);
  float sum = 0.0f;
  for (int64_t d = taps.inside[0].begin; d < taps.inside[0].end; ++d) {
    for (int64_t h = taps.inside[1].begin; h < taps.inside[1].end; ++h) {
      for (int64_t w = taps.inside[2].begin; w < taps.inside[2].end; ++w) {
        sum = sum + x[PlaceOf(job, taps, d, h, w, false)];
      }
    }
  }
  const int64_t count = CountOf(job, taps, 0) * CountOf(job, taps, 1) * CountOf(job, taps, 2);
  job.y[plane * VolumeOf(job.out) + position] = QuotientF32(sum, static_cast<float>(count));
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_POOL_POOL_H_
