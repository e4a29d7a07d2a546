// BLAKE3 with one input a lane: word i of all inputs in vector i. Included by one file an
// instruction set, each of which supplies `Vector` in its own unnamed namespace:
//   kLanes, Word (the register), Load, Broadcast, Add, Xor, RotateRight<n>,
//   LoadStep<0 to kSteps - 1> (64 bytes of each row, transposed into 16 vectors; at most 14
//   steps) and StoreCvs (8 vectors, transposed into rows of 32 bytes).
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

// The first or second half of four mixes side by side, step by step, so that their latencies
// overlap. Mix i works on words i, b, c and d: a column in the first half of a round, a diagonal in
// the second. Every index is known once the loops are unrolled, so the state stays in registers.
template <class Vector, int kDiagonal, int kFirstRotation, int kSecondRotation>
[[gnu::always_inline]] inline void HalfMixes(typename Vector::Word s[16],
                                             const typename Vector::Word m[16], const int* words) {
#define QUIPU_EACH _Pragma("GCC unroll 4") for (int i = 0; i < 4; ++i)
#define QUIPU_B s[4 + (i + kDiagonal) % 4]
#define QUIPU_C s[8 + (i + 2 * kDiagonal) % 4]
#define QUIPU_D s[12 + (i + 3 * kDiagonal) % 4]
  QUIPU_EACH s[i] = Vector::Add(s[i], m[words[2 * i]]);
  QUIPU_EACH s[i] = Vector::Add(s[i], QUIPU_B);
  QUIPU_EACH QUIPU_D = Vector::Xor(QUIPU_D, s[i]);
  QUIPU_EACH QUIPU_D = Vector::template RotateRight<kFirstRotation>(QUIPU_D);
  QUIPU_EACH QUIPU_C = Vector::Add(QUIPU_C, QUIPU_D);
  QUIPU_EACH QUIPU_B = Vector::Xor(QUIPU_B, QUIPU_C);
  QUIPU_EACH QUIPU_B = Vector::template RotateRight<kSecondRotation>(QUIPU_B);
#undef QUIPU_EACH
#undef QUIPU_B
#undef QUIPU_C
#undef QUIPU_D
}

template <class Vector, int kRound, int kDiagonal>
[[gnu::always_inline]] inline void MixFour(typename Vector::Word s[16],
                                           const typename Vector::Word m[16]) {
  constexpr const int* kWords = kSchedule[kRound] + 8 * kDiagonal;
  HalfMixes<Vector, kDiagonal, 16, 12>(s, m, kWords);
  HalfMixes<Vector, kDiagonal, 8, 7>(s, m, kWords + 1);
}

// Where the next block's words come from and go to, while the rounds of this block run.
template <class Vector>
struct Transposition {
  const uint8_t* const* rows;
  size_t offset;
  typename Vector::Word* scratch;
  typename Vector::Word* words;

  template <int kStep>
  [[gnu::always_inline]] void Step() const {
    if constexpr (kStep < Vector::kSteps) {
      Vector::template LoadStep<kStep>(rows, offset, scratch, words);
    }
  }
  template <int kStep = 0>
  [[gnu::always_inline]] void AllSteps() const {
    Step<kStep>();
    if constexpr (kStep + 1 < Vector::kSteps) AllSteps<kStep + 1>();
  }
};

// The rounds keep the arithmetic ports busy and the one shuffle port idle, so the next block is
// transposed between them.
template <class Vector, int kRound>
[[gnu::always_inline]] inline void AllRounds(typename Vector::Word s[16],
                                             const typename Vector::Word m[16],
                                             const Transposition<Vector>& next) {
  MixFour<Vector, kRound, 0>(s, m);
  next.template Step<2 * kRound>();
  MixFour<Vector, kRound, 1>(s, m);
  next.template Step<2 * kRound + 1>();
  if constexpr (kRound + 1 < kRounds) AllRounds<Vector, kRound + 1>(s, m, next);
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
  Word buffers[2][16], scratch[16];
  Transposition<Vector>{rows, 0, scratch, buffers[0]}.AllSteps();
  Word cv[8];
  for (int i = 0; i < 8; ++i) cv[i] = Vector::Broadcast(key[i]);
  for (size_t b = 0; b < blocks; ++b) {
    const bool last = b + 1 == blocks;
    const uint32_t block_flags = flags | (b == 0 ? first_flags : 0) | (last ? last_flags : 0);
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
                  Vector::Load(low),
                  Vector::Load(high),
                  Vector::Broadcast(kBlockBytes),
                  Vector::Broadcast(block_flags)};
    // The last block has no next one; it is transposed again, which costs less than a branch.
    const size_t next = last ? b : b + 1;
    AllRounds<Vector, 0>(s, buffers[b % 2],
                         {rows, next * kBlockBytes, scratch, buffers[(b + 1) % 2]});
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
