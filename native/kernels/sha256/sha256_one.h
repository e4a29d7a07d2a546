// One whole message through a block function.
#ifndef QUIPU_KERNELS_SHA256_SHA256_ONE_H_
#define QUIPU_KERNELS_SHA256_SHA256_ONE_H_

#include <cstring>

#include "kernels/sha256/sha256.h"
#include "kernels/sha256/sha256_kernels.h"

namespace quipu::sha256 {
namespace {

using BlocksFunction = void (*)(uint32_t state[8], const uint8_t* input, size_t count);

inline void HashOne(BlocksFunction blocks, ByteView message, int prefix, uint8_t* digest) {
  uint32_t state[8];
  std::memcpy(state, kInitial, sizeof(state));
  const size_t shift = prefix == kNoPrefix ? 0 : 1;
  const uint64_t total = message.size + shift;
  uint8_t tail[2 * kBlockBytes];
  size_t rest = 0;
  if (shift != 0) tail[rest++] = static_cast<uint8_t>(prefix);
  const uint8_t* at = message.data;
  size_t left = message.size;
  if (shift != 0 && total >= kBlockBytes) {
    std::memcpy(tail + 1, at, kBlockBytes - 1);
    blocks(state, tail, 1);
    at += kBlockBytes - 1;
    left -= kBlockBytes - 1;
    rest = 0;
  }
  if (left + rest >= kBlockBytes) {  // only with rest == 0: a short prefixed message stays below
    blocks(state, at, left / kBlockBytes);
    at += left / kBlockBytes * kBlockBytes;
    left %= kBlockBytes;
  }
  if (left > 0) std::memcpy(tail + rest, at, left);
  blocks(state, tail, Pad(tail, rest + left, total));
  StoreBigEndian(state, 8, digest);
}

}  // namespace
}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_ONE_H_
