// SHA-256 with the SHA extensions of x86: two rounds an instruction.
#include <immintrin.h>

#include "kernels/hash/sha256_one.h"

namespace quipu::sha256 {
namespace {

__m128i Load(const void* bytes) {
  return _mm_loadu_si128(static_cast<const __m128i*>(bytes));
}

// Four rounds whose words plus constants are `sum`. The instruction takes two of them at a time.
[[gnu::always_inline]] inline void FourRounds(__m128i& abef, __m128i& cdgh, __m128i sum) {
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

// Words t + 16 to t + 19 from the sixteen before them.
[[gnu::always_inline]] inline __m128i NextWords(__m128i w0, __m128i w4, __m128i w8, __m128i w12) {
  const __m128i partial =
      _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));
  return _mm_sha256msg2_epu32(partial, w12);
}

}  // namespace

void BlocksShani(uint32_t state[8], const uint8_t* input, size_t count) {
  const __m128i swap =
      _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);  // bytes of each word reversed
  // The instructions want (a b e f) and (c d g h), highest word first.
  const __m128i dcba = Load(state), hgfe = Load(state + 4);
  const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

  for (; count > 0; --count, input += kBlockBytes) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i) w[i] = _mm_shuffle_epi8(Load(input + 16 * i), swap);
#pragma GCC unroll 16
    for (int t = 0; t < 16; ++t) {
      FourRounds(abef, cdgh, _mm_add_epi32(w[t % 4], Load(kConstants + 4 * t)));
      if (t < 12) {
        w[t % 4] = NextWords(w[t % 4], w[(t + 1) % 4], w[(t + 2) % 4], w[(t + 3) % 4]);
      }
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

void ManyShani(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  for (size_t i = 0; i < count; ++i) {
    HashOne(BlocksShani, messages[i], prefix, digests + i * kDigestBytes);
  }
}

}  // namespace quipu::sha256
