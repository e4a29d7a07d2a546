// SHA-256 with the SHA extensions of x86: two rounds an instruction. One message waits for each of
// them; four messages side by side hide that wait. Compiled twice, because twice as many registers
// make four messages a tenth faster.
#ifndef QUIPU_KERNELS_SHA256_SHA256_SHANI_H_
#define QUIPU_KERNELS_SHA256_SHA256_SHANI_H_

#include <immintrin.h>

#include "kernels/sha256/sha256_batch.h"

namespace quipu::sha256 {
namespace {

inline __m128i Load(const void* bytes) {
  return _mm_loadu_si128(static_cast<const __m128i*>(bytes));
}

// Four rounds whose words plus constants are `sum`. The instruction takes two of them at a time.
[[gnu::always_inline]] inline void FourRounds(__m128i& abef, __m128i& cdgh, __m128i sum) {
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

// Words t + 16 to t + 19 from the sixteen before them.
[[gnu::always_inline]] inline __m128i NextWords(__m128i w0, __m128i w4, __m128i w8, __m128i w12) {
  const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));
  return _mm_sha256msg2_epu32(partial, w12);
}

// The instructions want the state as (a b e f) and (c d g h), highest word first.
struct Packed {
  __m128i abef, cdgh;
};

inline Packed Pack(const uint32_t state[8]) {
  const __m128i cdab = _mm_shuffle_epi32(Load(state), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(Load(state + 4), 0x1b);
  return Packed{_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

// (a b c d) and (e f g h), in the order in which they are told.
inline void Unpack(const Packed& packed, __m128i words[2]) {
  const __m128i feba = _mm_shuffle_epi32(packed.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(packed.cdgh, 0xb1);
  words[0] = _mm_blend_epi16(feba, dchg, 0xf0);
  words[1] = _mm_alignr_epi8(dchg, feba, 8);
}

inline void Store(__m128i words, void* to) { _mm_storeu_si128(static_cast<__m128i*>(to), words); }

// Bytes of each word reversed.
inline __m128i SwapBytes(__m128i words) {
  return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
}

// One block of each of kCount messages.
template <int kCount>
[[gnu::always_inline]] inline void CompressPacked(Packed state[kCount],
                                                  const uint8_t* const blocks[kCount], int prefix) {
  Packed s[kCount];
  __m128i w[kCount][4];
  for (int n = 0; n < kCount; ++n) {
    s[n] = state[n];
    for (int i = 0; i < 4; ++i) w[n][i] = SwapBytes(Load(blocks[n] + 16 * i));
    if (prefix != kNoPrefix) w[n][0] = _mm_insert_epi8(w[n][0], prefix, 3);
  }
#pragma GCC unroll 16
  for (int t = 0; t < 16; ++t) {
    const __m128i constants = Load(kConstants + 4 * t);
#pragma GCC unroll 4
    for (int n = 0; n < kCount; ++n) {
      FourRounds(s[n].abef, s[n].cdgh, _mm_add_epi32(w[n][t % 4], constants));
    }
#pragma GCC unroll 4
    for (int n = 0; n < kCount; ++n) {
      if (t < 12) {
        w[n][t % 4] =
            NextWords(w[n][t % 4], w[n][(t + 1) % 4], w[n][(t + 2) % 4], w[n][(t + 3) % 4]);
      }
    }
  }
  for (int n = 0; n < kCount; ++n) {
    state[n].abef = _mm_add_epi32(s[n].abef, state[n].abef);
    state[n].cdgh = _mm_add_epi32(s[n].cdgh, state[n].cdgh);
  }
}

class ShaniMachine {
 public:
  static constexpr size_t kLanes = 4;

  void Reset(size_t lane) { states_[lane] = Pack(kInitial); }
  void ResetAll() {
    for (size_t lane = 0; lane < kLanes; ++lane) Reset(lane);
  }
  void Compress(const uint8_t* const rows[kLanes], int prefix) {
    CompressPacked<kLanes>(states_, rows, prefix);
  }
  void Store(size_t lane, uint8_t* digest) const {
    __m128i words[2];
    Unpack(states_[lane], words);
    for (int i = 0; i < 2; ++i) sha256::Store(SwapBytes(words[i]), digest + 16 * i);
  }
  void StoreAll(uint8_t* digests) const {
    for (size_t lane = 0; lane < kLanes; ++lane) Store(lane, digests + lane * kDigestBytes);
  }

 private:
  Packed states_[kLanes];
};

}  // namespace
}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_SHANI_H_
