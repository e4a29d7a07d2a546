// Eight lanes of 32 bits in 256-bit registers. For files compiled for AVX2 or more only; copies as
// in lanes16.h.
#ifndef QUIPU_KERNELS_LANES_LANES8_H_
#define QUIPU_KERNELS_LANES_LANES8_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace quipu {
namespace {

struct Lanes8 {
  using Word = __m256i;
  static constexpr size_t kLanes = 8;

  static Word Load(const uint32_t* words) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
  }
  static Word Broadcast(uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
  static Word Add(Word a, Word b) { return _mm256_add_epi32(a, b); }
  static Word Xor(Word a, Word b) { return _mm256_xor_si256(a, b); }
  static Word Xor(Word a, Word b, Word c) { return Xor(Xor(a, b), c); }
  // Bits of a where those of the mask are set, else of b.
  static Word Select(Word mask, Word a, Word b) {
    return Xor(b, _mm256_and_si256(mask, Xor(a, b)));
  }
  static Word Majority(Word a, Word b, Word c) {
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
  }
  template <int kCount>
  static Word RotateRight(Word a) {
#ifdef __AVX512VL__
    return _mm256_ror_epi32(a, kCount);
#else
    return _mm256_or_si256(_mm256_srli_epi32(a, kCount), _mm256_slli_epi32(a, 32 - kCount));
#endif
  }
  template <int kCount>
  static Word ShiftRight(Word a) {
    return _mm256_srli_epi32(a, kCount);
  }
  static Word SwapBytes(Word a) {
    return _mm256_shuffle_epi8(
        a, _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL)));
  }

  // The 64 bytes at `offset` of eight rows: word i of all rows in m[i].
  [[gnu::always_inline]] static void LoadRows(const uint8_t* const rows[], size_t offset,
                                              Word m[16]) {
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 8; ++i) {
        m[8 * half + i] =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[i] + offset + 32 * half));
      }
      Transpose(m + 8 * half);
    }
  }

  // Word i of all lanes in v[i]; writes lane after lane, 32 bytes each.
  [[gnu::always_inline]] static void StoreRows(const Word v[8], uint8_t* out) {
    Word rows[8];
    for (int i = 0; i < 8; ++i) rows[i] = v[i];
    Transpose(rows);
    for (int i = 0; i < 8; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 32 * i), rows[i]);
    }
  }

 private:
  // v[i] word j becomes v[j] word i.
  [[gnu::always_inline]] static void Transpose(Word v[8]) {
    const Word a0 = _mm256_unpacklo_epi32(v[0], v[1]), a1 = _mm256_unpackhi_epi32(v[0], v[1]);
    const Word a2 = _mm256_unpacklo_epi32(v[2], v[3]), a3 = _mm256_unpackhi_epi32(v[2], v[3]);
    const Word a4 = _mm256_unpacklo_epi32(v[4], v[5]), a5 = _mm256_unpackhi_epi32(v[4], v[5]);
    const Word a6 = _mm256_unpacklo_epi32(v[6], v[7]), a7 = _mm256_unpackhi_epi32(v[6], v[7]);
    const Word b0 = _mm256_unpacklo_epi64(a0, a2), b1 = _mm256_unpackhi_epi64(a0, a2);
    const Word b2 = _mm256_unpacklo_epi64(a1, a3), b3 = _mm256_unpackhi_epi64(a1, a3);
    const Word b4 = _mm256_unpacklo_epi64(a4, a6), b5 = _mm256_unpackhi_epi64(a4, a6);
    const Word b6 = _mm256_unpacklo_epi64(a5, a7), b7 = _mm256_unpackhi_epi64(a5, a7);
    v[0] = _mm256_permute2x128_si256(b0, b4, 0x20);
    v[1] = _mm256_permute2x128_si256(b1, b5, 0x20);
    v[2] = _mm256_permute2x128_si256(b2, b6, 0x20);
    v[3] = _mm256_permute2x128_si256(b3, b7, 0x20);
    v[4] = _mm256_permute2x128_si256(b0, b4, 0x31);
    v[5] = _mm256_permute2x128_si256(b1, b5, 0x31);
    v[6] = _mm256_permute2x128_si256(b2, b6, 0x31);
    v[7] = _mm256_permute2x128_si256(b3, b7, 0x31);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_LANES8_H_
