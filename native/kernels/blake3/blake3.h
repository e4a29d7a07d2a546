// BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, version 2021-01-21): the compression function
// and its constants, in the paper's terms. One definition for the portable build and for CUDA.
//
// Functions are static: files built with wider instruction sets include this header too, and a
// shared copy of theirs must not end up in the portable path.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_H_

#include <cstddef>
#include <cstdint>

#include "quipu/device.h"

namespace quipu::blake3 {

constexpr size_t kBlockBytes = 64;
constexpr size_t kChunkBytes = 1024;
constexpr size_t kBlocksPerChunk = kChunkBytes / kBlockBytes;
constexpr size_t kCvBytes = 32;  // chaining value: eight words, little endian
constexpr size_t kKeyBytes = 32;

// Domain flags, table 3.
constexpr uint32_t kChunkStart = 1 << 0;
constexpr uint32_t kChunkEnd = 1 << 1;
constexpr uint32_t kParent = 1 << 2;
constexpr uint32_t kRoot = 1 << 3;
constexpr uint32_t kKeyedHash = 1 << 4;
constexpr uint32_t kDeriveKeyContext = 1 << 5;
constexpr uint32_t kDeriveKeyMaterial = 1 << 6;

constexpr uint32_t kIv0 = 0x6a09e667, kIv1 = 0xbb67ae85, kIv2 = 0x3c6ef372, kIv3 = 0xa54ff53a;
constexpr uint32_t kIv[8] = {kIv0,       kIv1,       kIv2,       kIv3,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

constexpr int kRounds = 7;

QUIPU_HOST_DEVICE static inline uint32_t RotateRight(uint32_t word, int count) {
  return (word >> count) | (word << (32 - count));
}

// The quarter-round G.
QUIPU_HOST_DEVICE static inline void Mix(uint32_t& a, uint32_t& b, uint32_t& c, uint32_t& d,
                                         uint32_t x, uint32_t y) {
  a = a + b + x;
  d = RotateRight(d ^ a, 16);
  c = c + d;
  b = RotateRight(b ^ c, 12);
  a = a + b + y;
  d = RotateRight(d ^ a, 8);
  c = c + d;
  b = RotateRight(b ^ c, 7);
}

// Message words for the next round: word i is old word kPermutation[i] (table 2).
QUIPU_HOST_DEVICE static inline void Permute(uint32_t m[16]) {
  const uint32_t p[16] = {m[2], m[6],  m[3],  m[10], m[7], m[0],  m[4],  m[13],
                          m[1], m[11], m[12], m[5],  m[9], m[14], m[15], m[8]};
  QUIPU_UNROLL
  for (int i = 0; i < 16; ++i) m[i] = p[i];
}

// State after the rounds, before the feed-forward. `m` is used up.
QUIPU_HOST_DEVICE static inline void Rounds(uint32_t s[16], uint32_t m[16]) {
  QUIPU_UNROLL
  for (int round = 0; round < kRounds; ++round) {
    Mix(s[0], s[4], s[8], s[12], m[0], m[1]);
    Mix(s[1], s[5], s[9], s[13], m[2], m[3]);
    Mix(s[2], s[6], s[10], s[14], m[4], m[5]);
    Mix(s[3], s[7], s[11], s[15], m[6], m[7]);
    Mix(s[0], s[5], s[10], s[15], m[8], m[9]);
    Mix(s[1], s[6], s[11], s[12], m[10], m[11]);
    Mix(s[2], s[7], s[8], s[13], m[12], m[13]);
    Mix(s[3], s[4], s[9], s[14], m[14], m[15]);
    if (round + 1 < kRounds) Permute(m);
  }
}

QUIPU_HOST_DEVICE static inline void InitialState(const uint32_t cv[8], uint32_t length,
                                                  uint64_t counter, uint32_t flags,
                                                  uint32_t s[16]) {
  QUIPU_UNROLL
  for (int i = 0; i < 8; ++i) s[i] = cv[i];
  s[8] = kIv0;
  s[9] = kIv1;
  s[10] = kIv2;
  s[11] = kIv3;
  s[12] = static_cast<uint32_t>(counter);
  s[13] = static_cast<uint32_t>(counter >> 32);
  s[14] = length;
  s[15] = flags;
}

// One block into the chaining value, in place. `m` is used up.
QUIPU_HOST_DEVICE static inline void CompressInPlace(uint32_t cv[8], uint32_t m[16],
                                                     uint32_t length, uint64_t counter,
                                                     uint32_t flags) {
  uint32_t s[16];
  InitialState(cv, length, counter, flags, s);
  Rounds(s, m);
  QUIPU_UNROLL
  for (int i = 0; i < 8; ++i) cv[i] = s[i] ^ s[i + 8];
}

// Blocks of a chunk before its last one, which alone may be short.
constexpr size_t WholeBlocks(size_t size) { return size == 0 ? 0 : (size - 1) / kBlockBytes; }

// Flags of block `index` of a whole chunk.
QUIPU_HOST_DEVICE static inline uint32_t ChunkBlockFlags(size_t index, uint32_t flags) {
  return flags | (index == 0 ? kChunkStart : 0) | (index + 1 == kBlocksPerChunk ? kChunkEnd : 0);
}

}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_H_
