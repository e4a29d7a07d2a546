// SHA-256 (FIPS 180-4): the compression function and padding. One definition for the portable build
// and for CUDA; static for the reason that blake3.h gives.
#ifndef QUIPU_KERNELS_SHA256_SHA256_H_
#define QUIPU_KERNELS_SHA256_SHA256_H_

#include <cstddef>
#include <cstdint>

#include "quipu/device.h"
#include "support/byte_order.h"

namespace quipu::sha256 {

constexpr size_t kBlockBytes = 64;
constexpr size_t kDigestBytes = 32;
constexpr int kRounds = 64;

// Macros, because an array constant has no address in device code and two copies would drift.
#define QUIPU_SHA256_INITIAL \
  { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 }
#define QUIPU_SHA256_CONSTANTS                                                              \
  {                                                                                         \
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,     \
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, \
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, \
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, \
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, \
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, \
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, \
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, \
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, \
        0xc67178f2                                                                          \
  }

constexpr uint32_t kInitial[8] = QUIPU_SHA256_INITIAL;
alignas(64) constexpr uint32_t kConstants[kRounds] = QUIPU_SHA256_CONSTANTS;

QUIPU_HOST_DEVICE static inline uint32_t RotateRight(uint32_t word, int count) {
  return (word >> count) | (word << (32 - count));
}

// One block, its sixteen words already in `w`, which is used up. `constants` is kConstants or the
// device's copy of it.
QUIPU_HOST_DEVICE static inline void CompressWords(uint32_t state[8], uint32_t w[16],
                                                   const uint32_t constants[kRounds]) {
  uint32_t s[8];
  QUIPU_UNROLL
  for (int i = 0; i < 8; ++i) s[i] = state[i];
  for (int t = 0; t < kRounds; t += 16) {
    QUIPU_UNROLL
    for (int u = 0; u < 16; ++u) {
      // The names rotate instead of the values: in round u, a is s[-u mod 8], and so on.
      const uint32_t a = s[(16 - u) % 8], b = s[(17 - u) % 8], c = s[(18 - u) % 8];
      const uint32_t e = s[(20 - u) % 8], f = s[(21 - u) % 8], g = s[(22 - u) % 8];
      uint32_t& d = s[(19 - u) % 8];
      uint32_t& h = s[(23 - u) % 8];
      const uint32_t sigma1 = RotateRight(e, 6) ^ RotateRight(e, 11) ^ RotateRight(e, 25);
      const uint32_t sigma0 = RotateRight(a, 2) ^ RotateRight(a, 13) ^ RotateRight(a, 22);
      const uint32_t choice = g ^ (e & (f ^ g));
      const uint32_t majority = (a & b) | (c & (a | b));
      const uint32_t t1 = h + sigma1 + choice + constants[t + u] + w[u];
      d += t1;
      h = t1 + sigma0 + majority;
      // Word t + u + 16 takes the place of word t + u.
      const uint32_t w1 = w[(u + 1) % 16], w14 = w[(u + 14) % 16];
      const uint32_t gamma0 = RotateRight(w1, 7) ^ RotateRight(w1, 18) ^ (w1 >> 3);
      const uint32_t gamma1 = RotateRight(w14, 17) ^ RotateRight(w14, 19) ^ (w14 >> 10);
      w[u] += gamma0 + w[(u + 9) % 16] + gamma1;
    }
  }
  QUIPU_UNROLL
  for (int i = 0; i < 8; ++i) state[i] += s[i];
}

// Pads what is left of a message after its whole blocks (`rest` bytes, under 64, at the front of
// `tail`) to one or two blocks; returns how many. `total` counts all bytes of the message.
QUIPU_HOST_DEVICE static inline size_t Pad(uint8_t tail[2 * kBlockBytes], size_t rest,
                                           uint64_t total) {
  const size_t blocks = rest + 9 <= kBlockBytes ? 1 : 2;
  tail[rest] = 0x80;
  for (size_t i = rest + 1; i < blocks * kBlockBytes - 8; ++i) tail[i] = 0;
  const uint64_t bits = total * 8;
  const uint32_t words[2] = {static_cast<uint32_t>(bits >> 32), static_cast<uint32_t>(bits)};
  StoreBigEndian(words, 2, tail + blocks * kBlockBytes - 8);
  return blocks;
}

}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_H_
