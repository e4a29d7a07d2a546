// BLAKE3 with one input a lane: word i of all inputs in vector i. Included by one file an
// instruction set, each of which supplies vectors (kernels/lanes) with kMixesItself, and AllRounds
// where the general one below would not fit the registers.
//
// A group is kLanes inputs. Two groups side by side hide the latencies of each other where there
// are registers for both states: message words are then read from memory, where they cost nothing.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_LANES_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_LANES_H_

#include <algorithm>
#include <cstring>

#include "kernels/blake3/blake3.h"
#include "kernels/blake3/blake3_kernels.h"
#include "kernels/lanes/fetch.h"

namespace quipu::blake3 {
namespace {

// How far ahead of the blocks in work memory is fetched.
constexpr size_t kAheadBytes = 32 * 1024;

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

// State words of mix i: a column in the first half of a round, a diagonal in the second. Macros,
// because a function would have to be inlined for the states to stay in registers.
#define QUIPU_A(i, diagonal) (i)
#define QUIPU_B(i, diagonal) (4 + ((i) + (diagonal)) % 4)
#define QUIPU_C(i, diagonal) (8 + ((i) + 2 * (diagonal)) % 4)
#define QUIPU_D(i, diagonal) (12 + ((i) + 3 * (diagonal)) % 4)

// Each of the fourteen half rounds is four mixes side by side, and each mix two halves that are
// alike but for their words and rotations. A half goes in four phases, of which the odd ones
// rotate.
constexpr int kPhases = 2 * kRounds * 2 * 4;

// Phase kPhase of one group; nothing before the first and after the last. Every index is known once
// the loops are unrolled.
template <class Vector, int kPhase>
[[gnu::always_inline]] inline void MixPhase(typename Vector::Word s[16],
                                            const typename Vector::Word m[16]) {
  if constexpr (kPhase >= 0 && kPhase < kPhases) {
    constexpr int kHalf = kPhase / 4, kDiagonal = kHalf / 2 % 2, kSecond = kHalf % 2;
    constexpr const int* kWords = kSchedule[kHalf / 4] + 8 * kDiagonal + kSecond;
#define QUIPU_EACH _Pragma("GCC unroll 4") for (int i = 0; i < 4; ++i)
#define QUIPU_WORD(name) s[QUIPU_##name(i, kDiagonal)]
    if constexpr (kPhase % 4 == 0) {
      QUIPU_EACH QUIPU_WORD(A) = Vector::Add(QUIPU_WORD(A), m[kWords[2 * i]]);
      // Or the compiler adds the message word to b first, which is the last to be ready.
      QUIPU_EACH __asm__("" : "+v"(QUIPU_WORD(A)));
      QUIPU_EACH QUIPU_WORD(A) = Vector::Add(QUIPU_WORD(A), QUIPU_WORD(B));
      QUIPU_EACH QUIPU_WORD(D) = Vector::Xor(QUIPU_WORD(D), QUIPU_WORD(A));
    } else if constexpr (kPhase % 4 == 1) {
      QUIPU_EACH QUIPU_WORD(D) = Vector::template RotateRight < kSecond ? 8 : 16 > (QUIPU_WORD(D));
    } else if constexpr (kPhase % 4 == 2) {
      QUIPU_EACH QUIPU_WORD(C) = Vector::Add(QUIPU_WORD(C), QUIPU_WORD(D));
      QUIPU_EACH QUIPU_WORD(B) = Vector::Xor(QUIPU_WORD(B), QUIPU_WORD(C));
    } else {
      QUIPU_EACH QUIPU_WORD(B) = Vector::template RotateRight < kSecond ? 7 : 12 > (QUIPU_WORD(B));
    }
#undef QUIPU_EACH
#undef QUIPU_WORD
  }
}

// The lines of `inputs` that half `half` of the fourteen fetches, one line an input in all.
[[gnu::always_inline]] inline void FetchShare(const uint8_t* fetch, size_t inputs, size_t half) {
  const size_t first = half * inputs / (2 * kRounds);
  const size_t end = (half + 1) * inputs / (2 * kRounds);
  FetchLines(fetch + first * kLineBytes, (end - first) * kLineBytes);
}

// All rounds from phase kPhase on; fetches lines on the way. The second group is a phase behind the
// first, so that one adds while the other rotates: processors rotate in fewer places than they add.
template <class Vector, int kGroups, int kPhase = 0>
[[gnu::always_inline]] inline void AllRounds(typename Vector::Word s[kGroups][16],
                                             const typename Vector::Word m[kGroups][16],
                                             const uint8_t* fetch) {
  if constexpr (kPhase < kPhases && kPhase % 8 == 0) {
    FetchShare(fetch, kGroups * Vector::kLanes, kPhase / 8);
  }
  if constexpr (kGroups == 1) {
    MixPhase<Vector, kPhase>(s[0], m[0]);
  } else {
    static_assert(kGroups == 2);
    constexpr int kRotates = (kPhase + 1) % 2, kAdds = kPhase % 2;
    MixPhase<Vector, kPhase - kRotates>(s[kRotates], m[kRotates]);
    MixPhase<Vector, kPhase - kAdds>(s[kAdds], m[kAdds]);
  }
  if constexpr (kPhase < kPhases) AllRounds<Vector, kGroups, kPhase + 1>(s, m, fetch);
}

template <class Vector>
[[gnu::always_inline]] inline void LoadBlock(const uint8_t* const rows[], size_t offset,
                                             typename Vector::Word m[16]) {
  Vector::LoadRows(rows, offset, m);
  // From here on the words are read from memory: kept in registers they would push the states out.
  __asm__ volatile("" ::: "memory");
}

// State words 12 to 15 of each lane of a group.
template <class Vector>
struct Tail {
  typename Vector::Word counter_low, counter_high, length, flags;
};

// One block of each lane into its chaining value; meanwhile fetches as many bytes at `fetch`.
template <class Vector, int kGroups>
[[gnu::always_inline]] inline void CompressLanes(typename Vector::Word cv[kGroups][8],
                                                 const typename Vector::Word m[kGroups][16],
                                                 const Tail<Vector> tail[kGroups],
                                                 const uint8_t* fetch) {
  typename Vector::Word s[kGroups][16];
  for (int g = 0; g < kGroups; ++g) {
    for (int i = 0; i < 8; ++i) s[g][i] = cv[g][i];
    for (int i = 0; i < 4; ++i) s[g][8 + i] = Vector::Broadcast(kIv[i]);
    s[g][12] = tail[g].counter_low;
    s[g][13] = tail[g].counter_high;
    s[g][14] = tail[g].length;
    s[g][15] = tail[g].flags;
  }
  if constexpr (Vector::kMixesItself) {
    static_assert(kGroups == 1);
    Vector::AllRounds(s[0], m[0], fetch);
  } else {
    AllRounds<Vector, kGroups>(s, m, fetch);
  }
  for (int g = 0; g < kGroups; ++g) {
    for (int i = 0; i < 8; ++i) cv[g][i] = Vector::Xor(s[g][i], s[g][i + 8]);
  }
}

// Inputs of equal length that lie in a row, `stride` of `bytes` each; input i has counter
// `counter` + i * `step`.
struct Run {
  const uint8_t* input;
  size_t bytes;
  size_t stride;
  const uint32_t* key;
  uint64_t counter;
  uint64_t step;
  uint32_t flags, first_flags, last_flags;

  uint32_t FlagsOf(size_t block, size_t blocks) const {
    return flags | (block == 0 ? first_flags : 0) | (block + 1 == blocks ? last_flags : 0);
  }
};

// Hashes inputs `first` to `first` + count - 1; lanes past `count` repeat the last of them.
template <class Vector, int kGroups>
inline void HashGroups(const Run& run, size_t first, size_t count, uint8_t* cvs) {
  constexpr size_t kLanes = Vector::kLanes;
  constexpr size_t kInputs = kGroups * kLanes;
  const uint8_t* const base = run.input + first * run.stride;
  const uint8_t* rows[kInputs];
  alignas(64) uint32_t low[kInputs], high[kInputs];
  for (size_t i = 0; i < kInputs; ++i) {
    rows[i] = base + std::min(i, count - 1) * run.stride;
    const uint64_t counter = run.counter + (first + i) * run.step;
    low[i] = static_cast<uint32_t>(counter);
    high[i] = static_cast<uint32_t>(counter >> 32);
  }
  alignas(64) typename Vector::Word cv[kGroups][8], m[kGroups][16];
  Tail<Vector> tail[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    for (int i = 0; i < 8; ++i) cv[g][i] = Vector::Broadcast(run.key[i]);
    tail[g] = {Vector::Load(low + g * kLanes), Vector::Load(high + g * kLanes),
               Vector::Broadcast(kBlockBytes), Vector::Broadcast(0)};
  }
  const size_t blocks = run.stride / kBlockBytes;
  for (size_t b = 0; b < blocks; ++b) {
    const size_t ahead = first * run.stride + b * kInputs * kBlockBytes + kAheadBytes;
    const bool inside = ahead + kInputs * kBlockBytes <= run.bytes;
    const auto* const elsewhere = reinterpret_cast<const uint8_t*>(m);  // fetched to no purpose
    for (int g = 0; g < kGroups; ++g) {
      LoadBlock<Vector>(rows + g * kLanes, b * kBlockBytes, m[g]);
      tail[g].flags = Vector::Broadcast(run.FlagsOf(b, blocks));
    }
    CompressLanes<Vector, kGroups>(cv, m, tail, inside ? run.input + ahead : elsewhere);
  }
  alignas(64) uint8_t spare[kLanes * kCvBytes];
  for (size_t g = 0; g < kGroups; ++g) {
    const size_t done = g * kLanes;
    if (count >= done + kLanes) {
      Vector::StoreRows(cv[g], cvs + (first + done) * kCvBytes);
    } else if (count > done) {
      Vector::StoreRows(cv[g], spare);
      std::memcpy(cvs + (first + done) * kCvBytes, spare, (count - done) * kCvBytes);
    }
  }
}

inline Run ChunkRun(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                    uint32_t flags) {
  const size_t bytes = count * kChunkBytes;
  // A short input has mostly just been made or read, and lies in a cache.
  if (bytes > 2 * kAheadBytes) FetchLines(input, kAheadBytes);
  return Run{input, bytes, kChunkBytes, key, counter, 1, flags, kChunkStart, kChunkEnd};
}

inline Run ParentRun(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags) {
  return Run{children, count * 2 * kCvBytes, 2 * kCvBytes, key, 0, 0, flags | kParent, 0, 0};
}

}  // namespace
}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_LANES_H_
