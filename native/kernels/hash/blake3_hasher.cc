#include "kernels/hash/blake3_hasher.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/hash/byte_order.h"
#include "support/aligned.h"
#include "support/thread_pool.h"

namespace quipu::blake3 {
namespace {

// Chunks of one thread's task: 256 KiB of input, whose chaining values stay in the first cache.
constexpr size_t kTaskChunks = 256;
// From here on a device earns its copy.
constexpr size_t kDeviceChunksMin = 4096;

// Reduces `count` chaining values in place, level by level, to `keep`. count is a power of two.
void Reduce(const Kernels& kernels, uint8_t* cvs, size_t count, size_t keep, const uint32_t key[8],
            uint32_t flags) {
  for (; count > keep; count /= 2) kernels.parents(cvs, count / 2, key, flags, cvs);
}

// The two highest chaining values of a subtree of `chunks` chunks (a power of two, at least 2).
Status Subtree(const Kernels& kernels, const uint8_t* input, size_t chunks, const uint32_t key[8],
               uint64_t counter, uint32_t flags, uint8_t pair[2 * kCvBytes]) {
  if (kernels.device_subtree != nullptr && chunks >= kDeviceChunksMin) {
    return kernels.device_subtree(input, chunks, key, counter, flags, 2, pair);
  }
  if (chunks <= kTaskChunks) {
    alignas(64) uint8_t cvs[kTaskChunks * kCvBytes];
    kernels.chunks(input, chunks, key, counter, flags, cvs);
    Reduce(kernels, cvs, chunks, 2, key, flags);
    std::memcpy(pair, cvs, 2 * kCvBytes);
    return Status{};
  }
  const size_t tasks = chunks / kTaskChunks;
  const AlignedArray<uint8_t> tops = AllocateAligned<uint8_t>(tasks * kCvBytes);
  if (tops == nullptr) return Error(Code::kLimitExceeded, "out of memory while hashing");
  ThreadPool::Shared().ParallelFor(tasks, [&](size_t task) {
    alignas(64) uint8_t cvs[kTaskChunks * kCvBytes];
    kernels.chunks(input + task * kTaskChunks * kChunkBytes, kTaskChunks, key,
                   counter + task * kTaskChunks, flags, cvs);
    Reduce(kernels, cvs, kTaskChunks, 1, key, flags);
    std::memcpy(tops.get() + task * kCvBytes, cvs, kCvBytes);
  });
  Reduce(kernels, tops.get(), tasks, 2, key, flags);
  std::memcpy(pair, tops.get(), 2 * kCvBytes);
  return Status{};
}

}  // namespace

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
  // The context is hashed on the CPU whatever the backend: it is short by its definition.
  Kernels local = kernels;
  local.device_subtree = nullptr;
  Hasher hasher(local, kIv, kDeriveKeyContext);
  const Status hashed =
      hasher.Update(ByteView{reinterpret_cast<const uint8_t*>(context.data()), context.size()});
  (void)hashed;  // fails on devices only
  uint8_t context_key[kKeyBytes];
  hasher.Digest(0, context_key, kKeyBytes);
  uint32_t words[8];
  LoadLittleEndian(context_key, 8, words);
  return Hasher(kernels, words, kDeriveKeyMaterial);
}

Status Hasher::Update(ByteView input) {
  const uint8_t* at = input.data;
  size_t left = input.size;
  if (left == 0) return Status{};
  if (ChunkSize() > 0) {
    const size_t take = std::min(kChunkBytes - ChunkSize(), left);
    AppendToChunk(at, take);
    at += take;
    left -= take;
    if (left == 0) return Status{};
    PushChunk();
  }
  // Whole subtrees straight from the input. Each is as large as the input and its place allow: a
  // subtree of n chunks starts at a multiple of n.
  while (left > kChunkBytes) {
    size_t chunks = std::bit_floor(left / kChunkBytes);
    const uint64_t place = chunks_done_ & (~chunks_done_ + 1);  // lowest set bit, 0 at the start
    if (place != 0) chunks = std::min<uint64_t>(chunks, place);
    if (chunks == 1) {
      uint8_t cv[kCvBytes];
      kernels_->chunks(at, 1, key_, chunks_done_, flags_, cv);
      Push(cv);
      chunks_done_ += 1;
    } else {
      const Status status = PushSubtree(at, chunks);
      if (!status.ok()) return status;
    }
    at += chunks * kChunkBytes;
    left -= chunks * kChunkBytes;
  }
  if (left > 0) {
    Merge();  // an open chunk follows, so none of what lies before it is the root
    AppendToChunk(at, left);
  }
  return Status{};
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

Status Hasher::PushSubtree(const uint8_t* input, size_t chunks) {
  uint8_t pair[2 * kCvBytes];
  Status status = Subtree(*kernels_, input, chunks, key_, chunks_done_, flags_, pair);
  if (!status.ok()) return status;
  Push(pair);
  chunks_done_ += chunks / 2;
  Push(pair + kCvBytes);
  chunks_done_ += chunks / 2;
  return status;
}

}  // namespace quipu::blake3
