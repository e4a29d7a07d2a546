// The Merkle tree of RFC 6962 §2.1 over SHA-256: a leaf is hashed after a zero byte, a node after a
// one byte, the empty tree is the digest of nothing, and the left subtree of n leaves holds the
// largest power of two under n.
#ifndef QUIPU_KERNELS_MERKLE_MERKLE_H_
#define QUIPU_KERNELS_MERKLE_MERKLE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/sha256/sha256.h"
#include "kernels/sha256/sha256_kernels.h"
#include "quipu/go_on.h"
#include "quipu/messages.h"
#include "quipu/status.h"

namespace quipu::merkle {

using sha256::kDigestBytes;

constexpr int kLeafPrefix = 0;
constexpr int kNodePrefix = 1;

// Leaves of one thread's task, a complete subtree: its digests stay in the first caches.
constexpr int kTaskHeight = 10;
constexpr size_t kTaskLeaves = size_t{1} << kTaskHeight;

// `count` nodes over twice as many children.
void HashNodes(const sha256::Kernels& kernels, const uint8_t* children, size_t count,
               uint8_t* nodes);

void HashNode(const sha256::Kernels& kernels, const uint8_t* left, const uint8_t* right,
              uint8_t* node);

// Root of the empty tree.
void HashNothing(const sha256::Kernels& kernels, uint8_t* root);

// A complete subtree of 2^height leaves from `first` on; levels[k], for k from 0 to height,
// receives its nodes of level k. At most kTaskHeight high.
Status HashSubtree(const sha256::Kernels& kernels, const Messages& leaves, size_t first, int height,
                   uint8_t* const levels[], const GoOn& go_on);

// The same on a device, up to kDeviceHeightMax, and not to be stopped; LIMIT_EXCEEDED where a leaf
// does not fit its buffers; levels[k] may be null where they are not wanted,
// but for the top's.
using DeviceSubtree = Status (*)(const Messages& leaves, size_t first, int height,
                                 uint8_t* const levels[]);
// From here on a device earns its copy.
constexpr int kDeviceHeightMin = 13;
constexpr int kDeviceHeightMax = 20;

#if QUIPU_CUDA
Status SubtreeCuda(const Messages& leaves, size_t first, int height, uint8_t* const levels[]);
#endif

// What trees hash with.
struct Kernels {
  const sha256::Kernels* sha256;
  DeviceSubtree device;  // null on the CPU
};

}  // namespace quipu::merkle

#endif  // QUIPU_KERNELS_MERKLE_MERKLE_H_
