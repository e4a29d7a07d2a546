// SHA-256 of input that comes in any pieces.
#ifndef QUIPU_KERNELS_SHA256_SHA256_HASHER_H_
#define QUIPU_KERNELS_SHA256_SHA256_HASHER_H_

#include <algorithm>
#include <cstring>

#include "kernels/sha256/sha256.h"
#include "kernels/sha256/sha256_kernels.h"
#include "quipu/views.h"

namespace quipu::sha256 {

class Hasher {
 public:
  explicit Hasher(const Kernels& kernels) : kernels_(&kernels) {
    std::memcpy(state_, kInitial, sizeof(state_));
  }

  void Update(ByteView input) {
    const uint8_t* at = input.data;
    size_t left = input.size;
    total_ += left;
    if (rest_ > 0) {
      const size_t take = std::min(kBlockBytes - rest_, left);
      if (take > 0) std::memcpy(open_ + rest_, at, take);
      rest_ += take;
      at += take;
      left -= take;
      if (rest_ < kBlockBytes) return;
      kernels_->blocks(state_, open_, 1);
      rest_ = 0;
    }
    if (left >= kBlockBytes) {
      kernels_->blocks(state_, at, left / kBlockBytes);
      at += left / kBlockBytes * kBlockBytes;
      left %= kBlockBytes;
    }
    if (left > 0) std::memcpy(open_, at, left);
    rest_ = left;
  }

  // Does not change the hasher.
  void Digest(uint8_t out[kDigestBytes]) const {
    uint32_t state[8];
    uint8_t tail[2 * kBlockBytes];
    std::memcpy(state, state_, sizeof(state));
    std::memcpy(tail, open_, rest_);
    kernels_->blocks(state, tail, Pad(tail, rest_, total_));
    StoreBigEndian(state, 8, out);
  }

 private:
  const Kernels* kernels_;
  uint32_t state_[8];
  uint64_t total_ = 0;
  size_t rest_ = 0;
  uint8_t open_[kBlockBytes] = {};
};

}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_HASHER_H_
