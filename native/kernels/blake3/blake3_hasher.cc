#include "kernels/blake3/blake3_hasher.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/blake3/blake3_subtree.h"
#include "support/byte_order.h"

namespace quipu::blake3 {
Hasher::Hasher(const Kernels& kernels, const uint32_t key[8], uint32_t flags)
    : kernels_(&kernels), flags_(flags) {
  std::memcpy(key_, key, sizeof(key_));
  std::memcpy(cv_, key, sizeof(cv_));
}

Hasher Hasher::Keyed(const Kernels& kernels, const uint8_t key[kKeyBytes]) {
  uint32_t words[8];
  LoadLittleEndian(key, 8, words);
  return Hasher(kernels, words, kKeyedHash);
}

Hasher Hasher::DeriveKey(const Kernels& kernels, std::string_view context) {
  Hasher hasher(kernels, kIv, kDeriveKeyContext);
  hasher.Update(ByteView{reinterpret_cast<const uint8_t*>(context.data()), context.size()});
  uint8_t context_key[kKeyBytes];
  hasher.Digest(0, context_key, kKeyBytes);
  uint32_t words[8];
  LoadLittleEndian(context_key, 8, words);
  return Hasher(kernels, words, kDeriveKeyMaterial);
}

void Hasher::Update(ByteView input) {
  const Status status = UpdateFrom(MemorySource(input.data), input.size);
  (void)status;  // memory can always be read, where it lies
}

Status Hasher::UpdateFrom(const ByteSource& source, uint64_t size) {
  uint8_t scratch[kChunkBytes];
  uint64_t at = 0;
  const auto read = [&](size_t bytes) { return source.Read(at, bytes, scratch); };
  if (ChunkSize() > 0 && size > 0) {
    const size_t take = std::min<uint64_t>(kChunkBytes - ChunkSize(), size);
    const uint8_t* const bytes = read(take);
    if (bytes == nullptr) return Unread();
    AppendToChunk(bytes, take);
    at += take;
    if (at == size) return Status{};
    PushChunk();
  }
  // Whole subtrees straight from the input; the last chunk, whole or not, may be the root's.
  while (size - at > kChunkBytes) {
    size_t chunks = SubtreeChunks(size - at, kDeviceChunksMax);
    if (UsesDevice(chunks)) {
      Status status = PushDeviceSubtree(source, at, chunks);
      if (status.ok()) at += uint64_t{chunks} * kChunkBytes;
      if (status.code == Code::kIo) return status;  // what cannot be read, the CPU cannot read
      continue;
    }
    chunks = std::min(chunks, kSubtreeChunksMax);
    if (chunks == 1) {
      const uint8_t* const bytes = read(kChunkBytes);
      if (bytes == nullptr) return Unread();
      uint8_t cv[kCvBytes];
      kernels_->chunks(bytes, 1, key_, chunks_done_, flags_, cv);
      Push(cv);
      chunks_done_ += 1;
    } else {
      Status status = PushSubtree(source, at, chunks);
      if (!status.ok()) return status;
    }
    at += uint64_t{chunks} * kChunkBytes;
  }
  if (size == at) return Status{};
  Merge();  // an open chunk follows, so none of what lies before it is the root
  const size_t rest = static_cast<size_t>(size - at);
  const uint8_t* const bytes = read(rest);
  if (bytes == nullptr) return Unread();
  AppendToChunk(bytes, rest);
  return Status{};
}

// As large as the input and its place allow: a subtree of n chunks starts at a multiple of n.
size_t Hasher::SubtreeChunks(uint64_t left, size_t most) const {
  uint64_t chunks = std::bit_floor(left / kChunkBytes);
  const uint64_t place = chunks_done_ & (~chunks_done_ + 1);  // lowest set bit, 0 at the start
  if (place != 0) chunks = std::min(chunks, place);
  return static_cast<size_t>(std::min<uint64_t>(chunks, most));
}

bool Hasher::UsesDevice(size_t chunks) const {
  return kernels_->device_subtree != nullptr && !device_failed_ && chunks >= kDeviceChunksMin;
}

void Hasher::Digest(uint64_t offset, uint8_t* out, size_t size) const {
  // The output node: the open chunk's last block, or the parents above it, or, when a subtree ended
  // exactly here, the top pair of the stack.
  uint32_t cv[8];
  uint8_t block[kBlockBytes] = {};
  uint32_t length = kBlockBytes;
  uint64_t counter = 0;
  uint32_t flags = flags_ | kParent;
  size_t depth = depth_;
  if (ChunkSize() > 0 || depth == 0) {
    std::memcpy(cv, cv_, sizeof(cv));
    std::memcpy(block, block_, block_size_);
    length = static_cast<uint32_t>(block_size_);
    counter = chunks_done_;
    flags = flags_ | (blocks_done_ == 0 ? kChunkStart : 0) | kChunkEnd;
  } else {
    depth -= 2;
    std::memcpy(cv, key_, sizeof(cv));
    std::memcpy(block, stack_ + depth * kCvBytes, 2 * kCvBytes);
  }
  uint32_t words[16];
  while (depth > 0) {
    depth -= 1;
    kernels_->compress(cv, block, length, counter, flags, words);
    std::memcpy(block, stack_ + depth * kCvBytes, kCvBytes);
    StoreLittleEndian(words, 8, block + kCvBytes);
    std::memcpy(cv, key_, sizeof(cv));
    length = kBlockBytes;
    counter = 0;
    flags = flags_ | kParent;
  }
  // Extendable output: the root again and again, with the counter of the output block.
  uint8_t bytes[kBlockBytes];
  while (size > 0) {
    kernels_->compress(cv, block, length, offset / kBlockBytes, flags | kRoot, words);
    StoreLittleEndian(words, 16, bytes);
    const size_t skip = offset % kBlockBytes;
    const size_t take = std::min(kBlockBytes - skip, size);
    std::memcpy(out, bytes + skip, take);
    out += take;
    offset += take;
    size -= take;
  }
}

// The chunk's last block so far stays in block_, even when it is full: it may be the chunk's end.
void Hasher::AppendToChunk(const uint8_t* input, size_t size) {
  if (block_size_ > 0) {
    const size_t take = std::min(kBlockBytes - block_size_, size);
    std::memcpy(block_ + block_size_, input, take);
    block_size_ += take;
    input += take;
    size -= take;
    if (size == 0) return;
    CompressBlocks(block_, 1);
    block_size_ = 0;
  }
  const size_t whole = (size - 1) / kBlockBytes;
  CompressBlocks(input, whole);
  block_size_ = size - whole * kBlockBytes;
  std::memcpy(block_, input + whole * kBlockBytes, block_size_);
}

void Hasher::CompressBlocks(const uint8_t* blocks, size_t count) {
  kernels_->blocks(cv_, blocks, count, blocks_done_, chunks_done_, flags_);
  blocks_done_ += count;
}

void Hasher::PushChunk() {
  CompressBlocks(block_, 1);  // the sixteenth
  uint8_t cv[kCvBytes];
  StoreLittleEndian(cv_, 8, cv);
  Push(cv);
  chunks_done_ += 1;
  std::memcpy(cv_, key_, sizeof(cv_));
  block_size_ = 0;
  blocks_done_ = 0;
}

void Hasher::Merge() {
  // After n chunks the complete subtrees are the set bits of n.
  const size_t complete = static_cast<size_t>(std::popcount(chunks_done_));
  while (depth_ > complete) {
    uint8_t* const pair = stack_ + (depth_ - 2) * kCvBytes;
    kernels_->parents(pair, 1, key_, flags_, pair);
    depth_ -= 1;
  }
}

void Hasher::Push(const uint8_t cv[kCvBytes]) {
  Merge();
  std::memcpy(stack_ + depth_ * kCvBytes, cv, kCvBytes);
  depth_ += 1;
}

Status Hasher::PushSubtree(const ByteSource& source, uint64_t offset, size_t chunks) {
  uint8_t pair[2 * kCvBytes];
  const Subtree subtree{source, offset, chunks, key_, chunks_done_, flags_};
  Status status = SubtreePair(*kernels_, subtree, pair);
  if (status.ok()) PushPair(pair, chunks);
  return status;
}

// A device that fails is left for good: the next attempt would wait for its time-outs again.
Status Hasher::PushDeviceSubtree(const ByteSource& source, uint64_t offset, size_t chunks) {
  uint8_t pair[2 * kCvBytes];
  const Subtree subtree{source, offset, chunks, key_, chunks_done_, flags_};
  Status status = kernels_->device_subtree(subtree, pair);
  device_failed_ = !status.ok();
  if (status.ok()) PushPair(pair, chunks);
  return status;
}

void Hasher::PushPair(const uint8_t pair[2 * kCvBytes], size_t chunks) {
  Push(pair);
  chunks_done_ += chunks / 2;
  Push(pair + kCvBytes);
  chunks_done_ += chunks / 2;
}

}  // namespace quipu::blake3
