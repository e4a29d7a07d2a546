// The BLAKE3 tree over any backend's kernels: hash, keyed hash, derive-key, extendable output, from
// input that comes in any pieces.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_HASHER_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_HASHER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/blake3/blake3.h"
#include "kernels/blake3/blake3_kernels.h"
#include "quipu/status.h"
#include "quipu/views.h"
#include "support/byte_source.h"

namespace quipu::blake3 {

class Hasher {
 public:
  // Plain hash.
  explicit Hasher(const Kernels& kernels) : Hasher(kernels, kIv, 0) {}
  static Hasher Keyed(const Kernels& kernels, const uint8_t key[kKeyBytes]);
  static Hasher DeriveKey(const Kernels& kernels, std::string_view context);

  // Large pieces use all threads of the pool, or the device. A device that fails is left, and the
  // CPU goes on from there.
  void Update(ByteView input);

  // `size` bytes of the source. Fails when one of them cannot be read, or memory is short; the
  // hasher is then spent.
  Status UpdateFrom(const ByteSource& source, uint64_t size);

  // `size` bytes of output from `offset` on. Does not change the hasher.
  void Digest(uint64_t offset, uint8_t* out, size_t size) const;

  const Kernels& kernels() const { return *kernels_; }
  const uint32_t* key() const { return key_; }
  uint32_t flags() const { return flags_; }

 private:
  // 2^54 chunks fill the 64-bit byte count.
  static constexpr size_t kDepthMax = 54;

  Hasher(const Kernels& kernels, const uint32_t key[8], uint32_t flags);

  void AppendToChunk(const uint8_t* input, size_t size);
  void CompressBlocks(const uint8_t* blocks, size_t count);
  void PushChunk();
  void Merge();
  void Push(const uint8_t cv[kCvBytes]);
  Status PushSubtree(const ByteSource& source, uint64_t offset, size_t chunks);
  Status PushDeviceSubtree(const ByteSource& source, uint64_t offset, size_t chunks);
  void PushPair(const uint8_t pair[2 * kCvBytes], size_t chunks);
  size_t SubtreeChunks(uint64_t left, size_t most) const;
  bool UsesDevice(size_t chunks) const;
  size_t ChunkSize() const { return blocks_done_ * kBlockBytes + block_size_; }

  const Kernels* kernels_;
  uint32_t key_[8];
  uint32_t flags_;
  bool device_failed_ = false;

  // The chunk that is open. It never holds a whole chunk unless the input ends there, because the
  // last chunk may be the root, which is hashed with another flag.
  uint32_t cv_[8];
  uint8_t block_[kBlockBytes];
  size_t block_size_ = 0;
  size_t blocks_done_ = 0;

  // Whole chunks before the open one, and the chaining values of their complete subtrees, largest
  // first. Merging is put off until the next push, again because of the root.
  uint64_t chunks_done_ = 0;
  size_t depth_ = 0;
  uint8_t stack_[(kDepthMax + 1) * kCvBytes];
};

}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_HASHER_H_
