// SHA-256 of a prefix and a message as one thread of a device computes it, word by word without a
// copy of the message. A function of the host too, so that CPU tests cover it.
#ifndef QUIPU_KERNELS_MERKLE_MERKLE_DEVICE_H_
#define QUIPU_KERNELS_MERKLE_MERKLE_DEVICE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/sha256/sha256.h"

namespace quipu::merkle {

// Big-endian word `index` of the message, 0x80 and zeros. kAligned: the message starts at a
// multiple of four bytes.
template <bool kAligned>
QUIPU_HOST_DEVICE static inline uint32_t PaddedWord(const uint8_t* message, size_t size,
                                                    size_t index) {
  const size_t at = 4 * index;
  if (at + 4 <= size) {
    if constexpr (kAligned) {
      const uint32_t word = *reinterpret_cast<const uint32_t*>(message + at);
      return word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24;
    } else {
      uint32_t word;
      LoadBigEndian(message + at, 1, &word);
      return word;
    }
  }
  if (at > size) return 0;
  uint32_t word = 0;
  for (size_t i = 0; i < size - at; ++i) word |= uint32_t{message[at + i]} << (24 - 8 * i);
  return word | 0x80u << (24 - 8 * (size - at));
}

// `constants` is sha256::kConstants or the device's copy of it.
template <bool kAligned>
QUIPU_HOST_DEVICE static inline void HashPrefixed(uint32_t prefix, const uint8_t* message,
                                                  size_t size, const uint32_t* constants,
                                                  uint8_t* digest) {
  uint32_t state[8] = QUIPU_SHA256_INITIAL;
  const uint64_t total = uint64_t{size} + 1;
  const size_t blocks =
      static_cast<size_t>((total + 9 + sha256::kBlockBytes - 1) / sha256::kBlockBytes);
  // The prefix shifts all bytes by one: each word takes the last byte of the one before it.
  uint32_t carry = prefix;
  for (size_t block = 0; block < blocks; ++block) {
    uint32_t words[16];
    QUIPU_UNROLL
    for (int i = 0; i < 16; ++i) {
      const uint32_t word = PaddedWord<kAligned>(message, size, 16 * block + i);
      words[i] = carry << 24 | word >> 8;
      carry = word & 0xff;
    }
    if (block + 1 == blocks) {
      words[14] = static_cast<uint32_t>(total >> 29);
      words[15] = static_cast<uint32_t>(total << 3);
    }
    sha256::CompressWords(state, words, constants);
  }
  StoreBigEndian(state, 8, digest);
}

}  // namespace quipu::merkle

#endif  // QUIPU_KERNELS_MERKLE_MERKLE_DEVICE_H_
