// BLAKE3 with one input a lane: word i of all inputs in vector i. Included by one file an
// instruction set, each of which supplies `Vector` in its own unnamed namespace:
//   kLanes, Word (the register), Load, Broadcast, Add, Xor, RotateRight<n>,
//   LoadBlocks (64 bytes of each row, transposed into 16 vectors) and
//   StoreCvs (8 vectors, transposed into rows of 32 bytes).
#ifndef QUIPU_KERNELS_HASH_BLAKE3_LANES_H_
#define QUIPU_KERNELS_HASH_BLAKE3_LANES_H_

#include <cstring>

#include "kernels/hash/blake3.h"

namespace quipu::blake3 {
namespace {

// Message word of each position in each round: Permute() applied 0 to 6 times.
constexpr int kSchedule[kRounds][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

// Four mixes side by side, step by step, so that their latencies overlap. Mix i works on words i,
// b(i), c(i) and d(i): a column in the first half of a round, a diagonal in the second.
template <class Vector, int kRound, int kHalf>
[[gnu::always_inline]] inline void MixFour(typename Vector::Word s[16],
                                           const typename Vector::Word m[16]) {
  const auto b = [](int i) { return 4 + (i + kHalf) % 4; };
  const auto c = [](int i) { return 8 + (i + 2 * kHalf) % 4; };
  const auto d = [](int i) { return 12 + (i + 3 * kHalf) % 4; };
  const auto word = [m](int i) { return m[kSchedule[kRound][8 * kHalf + i]]; };
  const auto each = [](auto step) {
    step(0);
    step(1);
    step(2);
    step(3);
  };
  using V = Vector;
  each([&](int i) { s[i] = V::Add(V::Add(s[i], word(2 * i)), s[b(i)]); });
  each([&](int i) { s[d(i)] = V::template RotateRight<16>(V::Xor(s[d(i)], s[i])); });
  each([&](int i) { s[c(i)] = V::Add(s[c(i)], s[d(i)]); });
  each([&](int i) { s[b(i)] = V::template RotateRight<12>(V::Xor(s[b(i)], s[c(i)])); });
  each([&](int i) { s[i] = V::Add(V::Add(s[i], word(2 * i + 1)), s[b(i)]); });
  each([&](int i) { s[d(i)] = V::template RotateRight<8>(V::Xor(s[d(i)], s[i])); });
  each([&](int i) { s[c(i)] = V::Add(s[c(i)], s[d(i)]); });
  each([&](int i) { s[b(i)] = V::template RotateRight<7>(V::Xor(s[b(i)], s[c(i)])); });
}

template <class Vector, int kRound>
[[gnu::always_inline]] inline void AllRounds(typename Vector::Word s[16],
                                             const typename Vector::Word m[16]) {
  MixFour<Vector, kRound, 0>(s, m);
  MixFour<Vector, kRound, 1>(s, m);
  if constexpr (kRound + 1 < kRounds) AllRounds<Vector, kRound + 1>(s, m);
}

// Hashes kLanes rows of `blocks` whole blocks; lane i has counter `counter` + i * `step`.
template <class Vector>
inline void HashRows(const uint8_t* const rows[], size_t blocks, const uint32_t key[8],
                     uint64_t counter, uint64_t step, uint32_t flags, uint32_t first_flags,
                     uint32_t last_flags, uint8_t* cvs) {
  using Word = typename Vector::Word;
  uint32_t low[Vector::kLanes], high[Vector::kLanes];
  for (size_t i = 0; i < Vector::kLanes; ++i) {
    low[i] = static_cast<uint32_t>(counter + i * step);
    high[i] = static_cast<uint32_t>((counter + i * step) >> 32);
  }
  const Word counter_low = Vector::Load(low), counter_high = Vector::Load(high);
  Word cv[8];
  for (int i = 0; i < 8; ++i) cv[i] = Vector::Broadcast(key[i]);
  for (size_t b = 0; b < blocks; ++b) {
    const uint32_t block_flags =
        flags | (b == 0 ? first_flags : 0) | (b + 1 == blocks ? last_flags : 0);
    Word m[16];
    Vector::LoadBlocks(rows, b * kBlockBytes, m);
    Word s[16] = {cv[0],
                  cv[1],
                  cv[2],
                  cv[3],
                  cv[4],
                  cv[5],
                  cv[6],
                  cv[7],
                  Vector::Broadcast(kIv0),
                  Vector::Broadcast(kIv1),
                  Vector::Broadcast(kIv2),
                  Vector::Broadcast(kIv3),
                  counter_low,
                  counter_high,
                  Vector::Broadcast(kBlockBytes),
                  Vector::Broadcast(block_flags)};
    AllRounds<Vector, 0>(s, m);
    for (int i = 0; i < 8; ++i) cv[i] = Vector::Xor(s[i], s[i + 8]);
  }
  Vector::StoreCvs(cv, cvs);
}

// Any count of inputs in a row: whole groups, then one group whose spare lanes repeat its last row.
template <class Vector>
inline void HashRun(const uint8_t* input, size_t stride, size_t count, const uint32_t key[8],
                    uint64_t counter, uint64_t step, uint32_t flags, uint32_t first_flags,
                    uint32_t last_flags, uint8_t* cvs) {
  constexpr size_t kLanes = Vector::kLanes;
  const uint8_t* rows[kLanes];
  for (size_t done = 0; done < count; done += kLanes) {
    const size_t here = count - done < kLanes ? count - done : kLanes;
    for (size_t i = 0; i < kLanes; ++i) {
      rows[i] = input + (done + (i < here ? i : here - 1)) * stride;
    }
    if (here == kLanes) {
      HashRows<Vector>(rows, stride / kBlockBytes, key, counter + done * step, step, flags,
                       first_flags, last_flags, cvs + done * kCvBytes);
    } else {
      alignas(64) uint8_t spare[kLanes * kCvBytes];
      HashRows<Vector>(rows, stride / kBlockBytes, key, counter + done * step, step, flags,
                       first_flags, last_flags, spare);
      std::memcpy(cvs + done * kCvBytes, spare, here * kCvBytes);
    }
  }
}

template <class Vector>
inline void ChunksByLanes(const uint8_t* input, size_t count, const uint32_t key[8],
                          uint64_t counter, uint32_t flags, uint8_t* cvs) {
  HashRun<Vector>(input, kChunkBytes, count, key, counter, 1, flags, kChunkStart, kChunkEnd, cvs);
}

template <class Vector>
inline void ParentsByLanes(const uint8_t* children, size_t count, const uint32_t key[8],
                           uint32_t flags, uint8_t* cvs) {
  HashRun<Vector>(children, 2 * kCvBytes, count, key, 0, 0, flags | kParent, 0, 0, cvs);
}

}  // namespace
}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_HASH_BLAKE3_LANES_H_
