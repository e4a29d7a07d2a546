// The Merkle tree of RFC 6962 §2.1 over SHA-256: a leaf is hashed after a zero byte, a node after a
// one byte, the empty tree is the digest of nothing, and the left subtree of n leaves holds the
// largest power of two under n.
#ifndef QUIPU_KERNELS_HASH_MERKLE_H_
#define QUIPU_KERNELS_HASH_MERKLE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/hash/sha256.h"
#include "kernels/hash/sha256_kernels.h"
#include "quipu/status.h"
#include "quipu/views.h"

namespace quipu::merkle {

constexpr int kLeafPrefix = 0;
constexpr int kNodePrefix = 1;

// Leaves that lie one after another in `data`: leaf i ends where ends[i] says and begins where the
// leaf before it ended.
struct Leaves {
  const uint8_t* data = nullptr;
  const uint64_t* ends = nullptr;
  size_t count = 0;
};

// Uses all threads of the pool for many leaves.
Status Root(const sha256::Kernels& kernels, Leaves leaves, uint8_t root[sha256::kDigestBytes]);

#if QUIPU_CUDA
Status RootCuda(Leaves leaves, uint8_t root[sha256::kDigestBytes]);
#endif

}  // namespace quipu::merkle

#endif  // QUIPU_KERNELS_HASH_MERKLE_H_
