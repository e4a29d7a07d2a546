// Four neighbours of four bytes each, which a device loads and stores as one. Include only from .cu
// files.
#ifndef QUIPU_SUPPORT_QUADS_H_
#define QUIPU_SUPPORT_QUADS_H_

#include <cuda_runtime_api.h>
#include <stdint.h>

#include "quipu/device.h"

namespace quipu {
namespace {

constexpr int kFour = 4;

// Whether all quads are aligned that begin at multiples of four from these.
QUIPU_HOST_DEVICE inline bool InQuads(const float* first, int64_t a, int64_t b) {
  return ((reinterpret_cast<uintptr_t>(first) / sizeof(float)) | a | b) % kFour == 0;
}

template <class Element>
struct QuadOf;
template <>
struct QuadOf<float> {
  using Type = float4;
};
template <>
struct QuadOf<uint32_t> {
  using Type = uint4;
};

template <class Element>
__device__ __forceinline__ void LoadQuad(const Element* from, Element into[kFour]) {
  const auto quad = *reinterpret_cast<const typename QuadOf<Element>::Type*>(from);
  into[0] = quad.x;
  into[1] = quad.y;
  into[2] = quad.z;
  into[3] = quad.w;
}

template <class Element>
__device__ __forceinline__ void StoreQuad(const Element from[kFour], Element* to) {
  using Quad = typename QuadOf<Element>::Type;
  *reinterpret_cast<Quad*>(to) = Quad{from[0], from[1], from[2], from[3]};
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_SUPPORT_QUADS_H_
