// A Merkle tree that keeps the digests of all complete subtrees, 64 bytes a leaf, so that it can
// prove any of its leaves, in it or in any smaller tree that it once was (RFC 6962 §2.1.1 and
// §2.1.2).
#ifndef QUIPU_KERNELS_MERKLE_MERKLE_TREE_H_
#define QUIPU_KERNELS_MERKLE_MERKLE_TREE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/merkle/merkle.h"
#include "quipu/status.h"
#include "support/aligned.h"

namespace quipu::merkle {

// Digests in a row that can grow.
class DigestArray {
 public:
  // Room for `count` in all. False when memory is short; nothing is lost then.
  bool Reserve(size_t count);
  uint8_t* at(size_t index) { return data_.get() + index * kDigestBytes; }
  const uint8_t* at(size_t index) const { return data_.get() + index * kDigestBytes; }
  size_t capacity_bytes() const { return capacity_ * kDigestBytes; }

  size_t count = 0;

 private:
  AlignedArray<uint8_t> data_;
  size_t capacity_ = 0;
};

class Tree {
 public:
  // Room for so many leaves in all. LIMIT_EXCEEDED when memory is short; the tree stays as it was.
  Status Reserve(uint64_t size);
  // Appends `count` leaves from `first` on, over all threads of the pool or on the device, which is
  // left for good when it fails. Fails as Reserve does, or stopped; the tree then stays as it was.
  Status Append(const Kernels& kernels, const Messages& leaves, size_t first, size_t count,
                const GoOn& go_on);

  uint64_t size() const { return levels_.empty() ? 0 : levels_[0].count; }
  size_t memory_bytes() const;

  // Sizes are at most size(), `index` is under `size`, `from` at most `to`.
  void Root(const sha256::Kernels& kernels, uint64_t size, uint8_t root[kDigestBytes]) const;
  // Digests one after another, as the RFC orders them: from the leaf up.
  std::vector<uint8_t> Inclusion(const sha256::Kernels& kernels, uint64_t index,
                                 uint64_t size) const;
  // Empty when `from` is 0 or equals `to`.
  std::vector<uint8_t> Consistency(const sha256::Kernels& kernels, uint64_t from,
                                   uint64_t to) const;
  // Roots of the complete subtrees that a tree of `size` leaves consists of, the largest first.
  std::vector<uint8_t> Frontier(uint64_t size) const;

 private:
  Status AppendBlocks(const Kernels& kernels, const Messages& leaves, uint64_t shift,
                      uint64_t first, uint64_t end, const GoOn& go_on);
  void FillLevel(const sha256::Kernels& kernels, size_t level, uint64_t first, uint64_t end);
  void RangeRoot(const sha256::Kernels& kernels, uint64_t begin, uint64_t end,
                 uint8_t root[kDigestBytes]) const;

  std::vector<DigestArray> levels_;
  bool device_failed_ = false;
};

}  // namespace quipu::merkle

#endif  // QUIPU_KERNELS_MERKLE_MERKLE_TREE_H_
