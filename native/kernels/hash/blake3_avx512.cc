// BLAKE3 over sixteen lanes, and one block at a time with the state's four rows in four registers.
#include <immintrin.h>

#include "kernels/hash/blake3_kernels.h"
#include "kernels/hash/blake3_lanes.h"

namespace quipu::blake3 {
namespace {

struct Vector {
  using Word = __m512i;
  static constexpr size_t kLanes = 16;

  static Word Load(const uint32_t* words) { return _mm512_loadu_si512(words); }
  static Word Broadcast(uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  static Word Add(Word a, Word b) { return _mm512_add_epi32(a, b); }
  static Word Xor(Word a, Word b) { return _mm512_xor_si512(a, b); }
  template <int kCount>
  static Word RotateRight(Word a) {
    return _mm512_ror_epi32(a, kCount);
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

  static void LoadBlocks(const uint8_t* const rows[], size_t offset, Word m[16]) {
    // q[4g + j], 128-bit lane l: word 4l + j of rows 4g to 4g + 3.
    Word q[16];
    for (int g = 0; g < 4; ++g) {
      Word r[4];
      for (int i = 0; i < 4; ++i) r[i] = _mm512_loadu_si512(rows[4 * g + i] + offset);
      TransposeQuads(r, q + 4 * g);
    }
    for (int j = 0; j < 4; ++j) {
      const Word low01 = _mm512_shuffle_i32x4(q[j], q[4 + j], 0x44);
      const Word high01 = _mm512_shuffle_i32x4(q[j], q[4 + j], 0xee);
      const Word low23 = _mm512_shuffle_i32x4(q[8 + j], q[12 + j], 0x44);
      const Word high23 = _mm512_shuffle_i32x4(q[8 + j], q[12 + j], 0xee);
      m[j] = _mm512_shuffle_i32x4(low01, low23, 0x88);
      m[4 + j] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
      m[8 + j] = _mm512_shuffle_i32x4(high01, high23, 0x88);
      m[12 + j] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
    }
  }

  static void StoreCvs(const Word cv[8], uint8_t* cvs) {
    // a[j], lane l: words 0-3 of input 4l + j; b[j]: words 4-7.
    Word a[4], b[4];
    TransposeQuads(cv, a);
    TransposeQuads(cv + 4, b);
    for (int j = 0; j < 4; ++j) {
      StoreHalves<0>(a[j], b[j], cvs + kCvBytes * j);
      StoreHalves<1>(a[j], b[j], cvs + kCvBytes * (4 + j));
      StoreHalves<2>(a[j], b[j], cvs + kCvBytes * (8 + j));
      StoreHalves<3>(a[j], b[j], cvs + kCvBytes * (12 + j));
    }
  }

  template <int kLane>
  static void StoreHalves(Word a, Word b, uint8_t* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_extracti32x4_epi32(a, kLane));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), _mm512_extracti32x4_epi32(b, kLane));
  }
};

// Four mixes on rows a, b, c, d of the 4 x 4 state.
[[gnu::always_inline]] inline void MixRows(__m128i& a, __m128i& b, __m128i& c, __m128i& d,
                                           __m128i x, __m128i y) {
  a = _mm_add_epi32(_mm_add_epi32(a, x), b);
  d = _mm_ror_epi32(_mm_xor_si128(d, a), 16);
  c = _mm_add_epi32(c, d);
  b = _mm_ror_epi32(_mm_xor_si128(b, c), 12);
  a = _mm_add_epi32(_mm_add_epi32(a, y), b);
  d = _mm_ror_epi32(_mm_xor_si128(d, a), 8);
  c = _mm_add_epi32(c, d);
  b = _mm_ror_epi32(_mm_xor_si128(b, c), 7);
}

// The 16 words of a round in the order that the rows take them: first words of the four column
// mixes, their second words, then the same for the diagonals. The diagonal mixes run with rows
// rotated so that row a stays in place.
template <int kRound>
[[gnu::always_inline]] inline __m512i RoundWords(__m512i message) {
  constexpr const int* s = kSchedule[kRound];
  return _mm512_permutexvar_epi32(
      _mm512_setr_epi32(s[0], s[2], s[4], s[6], s[1], s[3], s[5], s[7], s[8], s[10], s[12], s[14],
                        s[9], s[11], s[13], s[15]),
      message);
}

template <int kRound>
[[gnu::always_inline]] inline void RowRounds(__m128i& a, __m128i& b, __m128i& c, __m128i& d,
                                             __m512i message) {
  const __m512i words = RoundWords<kRound>(message);
  MixRows(a, b, c, d, _mm512_castsi512_si128(words), _mm512_extracti32x4_epi32(words, 1));
  b = _mm_shuffle_epi32(b, 0x39);
  c = _mm_shuffle_epi32(c, 0x4e);
  d = _mm_shuffle_epi32(d, 0x93);
  MixRows(a, b, c, d, _mm512_extracti32x4_epi32(words, 2), _mm512_extracti32x4_epi32(words, 3));
  b = _mm_shuffle_epi32(b, 0x93);
  c = _mm_shuffle_epi32(c, 0x4e);
  d = _mm_shuffle_epi32(d, 0x39);
  if constexpr (kRound + 1 < kRounds) RowRounds<kRound + 1>(a, b, c, d, message);
}

}  // namespace

void ChunksAvx512(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                  uint32_t flags, uint8_t* cvs) {
  ChunksByLanes<Vector>(input, count, key, counter, flags, cvs);
}

void ParentsAvx512(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                   uint8_t* cvs) {
  ParentsByLanes<Vector>(children, count, key, flags, cvs);
}

void CompressAvx512(const uint32_t cv[8], const uint8_t block[64], uint32_t length,
                    uint64_t counter, uint32_t flags, uint32_t out[16]) {
  const __m128i cv_low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(cv));
  const __m128i cv_high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(cv + 4));
  __m128i a = cv_low;
  __m128i b = cv_high;
  __m128i c = _mm_setr_epi32(static_cast<int>(kIv0), static_cast<int>(kIv1),
                             static_cast<int>(kIv2), static_cast<int>(kIv3));
  __m128i d = _mm_setr_epi32(static_cast<int>(counter), static_cast<int>(counter >> 32),
                             static_cast<int>(length), static_cast<int>(flags));
  RowRounds<0>(a, b, c, d, _mm512_loadu_si512(block));
  __m128i* const rows = reinterpret_cast<__m128i*>(out);
  _mm_storeu_si128(rows + 0, _mm_xor_si128(a, c));
  _mm_storeu_si128(rows + 1, _mm_xor_si128(b, d));
  _mm_storeu_si128(rows + 2, _mm_xor_si128(c, cv_low));
  _mm_storeu_si128(rows + 3, _mm_xor_si128(d, cv_high));
}

}  // namespace quipu::blake3
