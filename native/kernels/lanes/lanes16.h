// Sixteen lanes of 32 bits in 512-bit registers. For files compiled for AVX-512 only, each of which
// gets a copy of its own: a shared one must not end up in the portable path.
#ifndef QUIPU_KERNELS_LANES_LANES16_H_
#define QUIPU_KERNELS_LANES_LANES16_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace quipu {
namespace {

struct Lanes16 {
  using Word = __m512i;
  static constexpr size_t kLanes = 16;

  static Word Load(const uint32_t* words) { return _mm512_loadu_si512(words); }
  static Word Broadcast(uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  static Word Add(Word a, Word b) { return _mm512_add_epi32(a, b); }
  static Word Xor(Word a, Word b) { return _mm512_xor_si512(a, b); }
  static Word Xor(Word a, Word b, Word c) { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
  // Bits of a where those of the mask are set, else of b.
  static Word Select(Word mask, Word a, Word b) {
    return _mm512_ternarylogic_epi32(mask, a, b, 0xca);
  }
  static Word Majority(Word a, Word b, Word c) { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }
  template <int kCount>
  static Word RotateRight(Word a) {
    return _mm512_ror_epi32(a, kCount);
  }
  template <int kCount>
  static Word ShiftRight(Word a) {
    return _mm512_srli_epi32(a, kCount);
  }
  static Word SwapBytes(Word a) {
    return _mm512_shuffle_epi8(
        a, _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL)));
  }

  // The 64 bytes at `offset` of sixteen rows: word i of all rows in m[i].
  [[gnu::always_inline]] static void LoadRows(const uint8_t* const rows[], size_t offset,
                                              Word m[16]) {
    // By halves of rows: where rows are not aligned fewer reads cross from one line into the next.
    for (int h = 0; h < 2; ++h) {
      // q[4g + j], quarter l: word 8h + 4 (l % 2) + j of rows 8g + 4 (l / 2) to the fourth.
      Word q[8];
      for (int g = 0; g < 2; ++g) {
        Word r[4];
        for (int i = 0; i < 4; ++i) {
          const __m256i low = LoadHalf(rows[8 * g + i] + offset + 32 * h);
          const __m256i high = LoadHalf(rows[8 * g + 4 + i] + offset + 32 * h);
          r[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        }
        TransposeQuads(r, q + 4 * g);
      }
      for (int j = 0; j < 4; ++j) {
        m[8 * h + j] = _mm512_shuffle_i32x4(q[j], q[4 + j], 0x88);
        m[8 * h + 4 + j] = _mm512_shuffle_i32x4(q[j], q[4 + j], 0xdd);
      }
    }
  }

  // Word i of all lanes in v[i]; writes lane after lane, 32 bytes each.
  [[gnu::always_inline]] static void StoreRows(const Word v[8], uint8_t* out) {
    // a[j], lane l: words 0-3 of row 4l + j; b[j]: words 4-7.
    Word a[4], b[4];
    TransposeQuads(v, a);
    TransposeQuads(v + 4, b);
    for (int j = 0; j < 4; ++j) {
      StoreHalves<0>(a[j], b[j], out + 32 * j);
      StoreHalves<1>(a[j], b[j], out + 32 * (4 + j));
      StoreHalves<2>(a[j], b[j], out + 32 * (8 + j));
      StoreHalves<3>(a[j], b[j], out + 32 * (12 + j));
    }
  }

 private:
  static __m256i LoadHalf(const uint8_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }

  // Within each 128-bit lane: four rows of four words become four columns.
  static void TransposeQuads(const Word r[4], Word out[4]) {
    const Word a0 = _mm512_unpacklo_epi32(r[0], r[1]), a1 = _mm512_unpackhi_epi32(r[0], r[1]);
    const Word a2 = _mm512_unpacklo_epi32(r[2], r[3]), a3 = _mm512_unpackhi_epi32(r[2], r[3]);
    out[0] = _mm512_unpacklo_epi64(a0, a2);
    out[1] = _mm512_unpackhi_epi64(a0, a2);
    out[2] = _mm512_unpacklo_epi64(a1, a3);
    out[3] = _mm512_unpackhi_epi64(a1, a3);
  }

  template <int kLane>
  static void StoreHalves(Word a, Word b, uint8_t* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_extracti32x4_epi32(a, kLane));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), _mm512_extracti32x4_epi32(b, kLane));
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_LANES16_H_
