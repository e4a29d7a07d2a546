// One complete subtree of the BLAKE3 tree, over all threads or on a device.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_SUBTREE_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_SUBTREE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/blake3/blake3_kernels.h"
#include "quipu/status.h"

namespace quipu::blake3 {

// Most chunks of a subtree that the CPU takes at once: 256 MiB of input.
constexpr size_t kSubtreeChunksMax = size_t{1} << 18;
// From here on a device earns its copy: 4 MiB. And it takes 1 GiB at once.
constexpr size_t kDeviceChunksMin = size_t{1} << 12;
constexpr size_t kDeviceChunksMax = size_t{1} << 20;

// The subtree's two highest chaining values: its own parent may be the root, which is hashed with
// another flag. Fails when a read fails or memory is short. At most kSubtreeChunksMax chunks.
Status SubtreePair(const Kernels& kernels, const Subtree& subtree, uint8_t pair[2 * kCvBytes]);

}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_SUBTREE_H_
