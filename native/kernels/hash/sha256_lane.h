// One message on its way through a kernel that works on several at once, block by block.
#ifndef QUIPU_KERNELS_HASH_SHA256_LANE_H_
#define QUIPU_KERNELS_HASH_SHA256_LANE_H_

#include <cstring>

#include "kernels/hash/sha256.h"
#include "kernels/hash/sha256_kernels.h"

namespace quipu::sha256 {
namespace {

// A message cut into blocks: perhaps a copied head with the prefix, blocks read in place, and a
// padded tail. Blocks in place are shifted back by the prefix.
class Lane {
 public:
  void Start(ByteView message, int prefix, size_t index) {
    index_ = index;
    const size_t shift = prefix == kNoPrefix ? 0 : 1;
    const uint64_t total = message.size + shift;
    shift_ = shift;
    next_ = 0;
    tail_start_ = static_cast<size_t>(total / kBlockBytes);
    const size_t rest = static_cast<size_t>(total % kBlockBytes);
    body_ = message.data;
    headed_ = shift != 0 && tail_start_ > 0;
    if (headed_) {
      head_[0] = static_cast<uint8_t>(prefix);
      std::memcpy(head_ + 1, message.data, kBlockBytes - 1);
    }
    if (tail_start_ == 0 && shift != 0) {
      tail_[0] = static_cast<uint8_t>(prefix);
      if (rest > 1) std::memcpy(tail_ + 1, message.data, rest - 1);
    } else if (rest > 0) {
      std::memcpy(tail_, message.data + message.size - rest, rest);
    }
    blocks_ = tail_start_ + Pad(tail_, rest, total);
  }

  const uint8_t* Next() {
    const size_t block = next_++;
    if (block >= tail_start_) return tail_ + (block - tail_start_) * kBlockBytes;
    if (block == 0 && headed_) return head_;
    return body_ + (block * kBlockBytes - shift_);  // block 0 is the head when there is a shift
  }

  size_t left() const { return blocks_ - next_; }
  size_t index() const { return index_; }

 private:
  size_t index_ = 0;
  size_t shift_ = 0;
  size_t next_ = 0;
  size_t blocks_ = 0;
  size_t tail_start_ = 0;
  bool headed_ = false;
  const uint8_t* body_ = nullptr;
  alignas(64) uint8_t head_[kBlockBytes];
  alignas(64) uint8_t tail_[2 * kBlockBytes];
};

}  // namespace
}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_HASH_SHA256_LANE_H_
