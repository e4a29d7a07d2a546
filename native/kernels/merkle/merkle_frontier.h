// A Merkle tree that keeps only what its root and further leaves need: one digest for each set bit
// of its size, which is the root of a complete subtree.
#ifndef QUIPU_KERNELS_MERKLE_MERKLE_FRONTIER_H_
#define QUIPU_KERNELS_MERKLE_MERKLE_FRONTIER_H_

#include <cstddef>
#include <cstdint>

#include "kernels/merkle/merkle.h"

namespace quipu::merkle {

class Frontier {
 public:
  Frontier() = default;
  // As Digests gave them: one for each set bit of `size`, the largest subtree first.
  Frontier(uint64_t size, const uint8_t* digests);

  // Appends `count` leaves from `first` on, over all threads of the pool or on the device, which is
  // left for good when it fails. Fails past 2^53 - 1 leaves, where the leaves are on a device that
  // fails or is not this backend's, and stopped; the frontier then stays as it was.
  Status Append(const Kernels& kernels, const Messages& leaves, size_t first, size_t count,
                const GoOn& go_on);

  uint64_t size() const { return size_; }
  void Root(const Kernels& kernels, uint8_t root[kDigestBytes]) const;
  const uint8_t* digests() const { return digests_; }
  size_t digest_count() const { return depth_; }

 private:
  static constexpr size_t kDepthMax = 64;

  Status Grow(const Kernels& kernels, const Messages& leaves, size_t first, size_t count,
              const GoOn& go_on);
  // A complete subtree that starts where the tree ends, at a multiple of its own size.
  void Push(const sha256::Kernels& kernels, const uint8_t* root, int height);
  Status PushOnDevice(const Kernels& kernels, const Messages& leaves, size_t first, int height,
                      const GoOn& go_on);
  Status PushTasks(const sha256::Kernels& kernels, const Messages& leaves, size_t first, int height,
                   size_t tasks, const GoOn& go_on);

  uint64_t size_ = 0;
  size_t depth_ = 0;
  bool device_failed_ = false;
  uint8_t digests_[(kDepthMax + 1) * kDigestBytes];
};

}  // namespace quipu::merkle

#endif  // QUIPU_KERNELS_MERKLE_MERKLE_FRONTIER_H_
