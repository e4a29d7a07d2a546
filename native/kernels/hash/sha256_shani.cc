// SHA-256 with the SHA extensions of x86: two rounds an instruction. One message waits for each of
// them; two messages side by side hide that wait.
#include <immintrin.h>

#include "kernels/hash/sha256_lane.h"

namespace quipu::sha256 {
namespace {

__m128i Load(const void* bytes) { return _mm_loadu_si128(static_cast<const __m128i*>(bytes)); }

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

Packed Pack(const uint32_t state[8]) {
  const __m128i cdab = _mm_shuffle_epi32(Load(state), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(Load(state + 4), 0x1b);
  return Packed{_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

void Unpack(const Packed& packed, uint32_t state[8]) {
  const __m128i feba = _mm_shuffle_epi32(packed.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(packed.cdgh, 0xb1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// One block of each of kCount messages.
template <int kCount>
[[gnu::always_inline]] inline void Compress(Packed state[kCount],
                                            const uint8_t* const blocks[kCount]) {
  const __m128i swap =
      _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);  // bytes of each word reversed
  Packed s[kCount];
  __m128i w[kCount][4];
  for (int n = 0; n < kCount; ++n) {
    s[n] = state[n];
    for (int i = 0; i < 4; ++i) w[n][i] = _mm_shuffle_epi8(Load(blocks[n] + 16 * i), swap);
  }
#pragma GCC unroll 16
  for (int t = 0; t < 16; ++t) {
    const __m128i constants = Load(kConstants + 4 * t);
#pragma GCC unroll 2
    for (int n = 0; n < kCount; ++n) {
      FourRounds(s[n].abef, s[n].cdgh, _mm_add_epi32(w[n][t % 4], constants));
    }
#pragma GCC unroll 2
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

}  // namespace

void BlocksShani(uint32_t state[8], const uint8_t* input, size_t count) {
  Packed packed[1] = {Pack(state)};
  for (; count > 0; --count, input += kBlockBytes) Compress<1>(packed, &input);
  Unpack(packed[0], state);
}

void ManyShani(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  Lane lanes[2];
  Packed states[2];
  size_t started = 0;
  const auto start = [&](size_t lane) {
    lanes[lane].Start(messages[started], prefix, started);
    states[lane] = Pack(kInitial);
    ++started;
  };
  const auto finish = [&](size_t lane) {
    uint32_t state[8];
    Unpack(states[lane], state);
    StoreBigEndian(state, 8, digests + lanes[lane].index() * kDigestBytes);
  };
  // Both lanes run until no message is left for one of them; the other then ends alone.
  size_t active = 0;
  while (active < 2 && started < count) start(active++);
  while (active == 2) {
    const uint8_t* const blocks[2] = {lanes[0].Next(), lanes[1].Next()};
    Compress<2>(states, blocks);
    for (size_t lane = 0; lane < active;) {
      if (lanes[lane].left() > 0) {
        ++lane;
        continue;
      }
      finish(lane);
      if (started < count) {
        start(lane++);
      } else {
        --active;
        if (lane == 0) {
          lanes[0] = lanes[1];
          states[0] = states[1];
        }
      }
    }
  }
  if (active == 0) return;
  while (lanes[0].left() > 0) {
    const uint8_t* const block = lanes[0].Next();
    Compress<1>(states, &block);
  }
  finish(0);
}

}  // namespace quipu::sha256
