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

  static constexpr int kSteps = 8;

  // Steps 0 to 3 take four rows each: scratch[4g + j], 128-bit lane l, is then word 4l + j of rows
  // 4g to 4g + 3. Steps 4 to 7 bring the four groups of a word together.
  template <int kStep>
  static void LoadStep(const uint8_t* const rows[], size_t offset, Word scratch[16], Word m[16]) {
    if constexpr (kStep < 4) {
      Word r[4];
      for (int i = 0; i < 4; ++i) r[i] = _mm512_loadu_si512(rows[4 * kStep + i] + offset);
      TransposeQuads(r, scratch + 4 * kStep);
    } else {
      constexpr int j = kStep - 4;
      const Word* const q = scratch + j;
      const Word low01 = _mm512_shuffle_i32x4(q[0], q[4], 0x44);
      const Word high01 = _mm512_shuffle_i32x4(q[0], q[4], 0xee);
      const Word low23 = _mm512_shuffle_i32x4(q[8], q[12], 0x44);
      const Word high23 = _mm512_shuffle_i32x4(q[8], q[12], 0xee);
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

// A state of 4 x 4 words by rows: for one input at a time, where only latency counts.
struct Rows {
  __m128i a, b, c, d;
};

// Four mixes, one a column. a + x does not wait for b.
[[gnu::always_inline]] inline void MixRows(Rows& s, __m128i x, __m128i y) {
  s.a = _mm_add_epi32(_mm_add_epi32(s.a, x), s.b);
  s.d = _mm_ror_epi32(_mm_xor_si128(s.d, s.a), 16);
  s.c = _mm_add_epi32(s.c, s.d);
  s.b = _mm_ror_epi32(_mm_xor_si128(s.b, s.c), 12);
  s.a = _mm_add_epi32(_mm_add_epi32(s.a, y), s.b);
  s.d = _mm_ror_epi32(_mm_xor_si128(s.d, s.a), 8);
  s.c = _mm_add_epi32(s.c, s.d);
  s.b = _mm_ror_epi32(_mm_xor_si128(s.b, s.c), 7);
}

template <int kRound>
[[gnu::always_inline]] inline void RowRounds(Rows& s, __m512i message) {
  // First words of the column mixes, their second words, then the same for the diagonals. Those
  // become columns by rotating every row but b, the last to be ready; diagonal i is then in column
  // i + 1.
  constexpr const int* w = kSchedule[kRound];
  const __m512i order = _mm512_setr_epi32(w[0], w[2], w[4], w[6], w[1], w[3], w[5], w[7],  //
                                          w[14], w[8], w[10], w[12], w[15], w[9], w[11], w[13]);
  const __m512i words = _mm512_permutexvar_epi32(order, message);
  MixRows(s, _mm512_castsi512_si128(words), _mm512_extracti32x4_epi32(words, 1));
  s.a = _mm_shuffle_epi32(s.a, 0x93);
  s.c = _mm_shuffle_epi32(s.c, 0x39);
  s.d = _mm_shuffle_epi32(s.d, 0x4e);
  MixRows(s, _mm512_extracti32x4_epi32(words, 2), _mm512_extracti32x4_epi32(words, 3));
  s.a = _mm_shuffle_epi32(s.a, 0x39);
  s.c = _mm_shuffle_epi32(s.c, 0x93);
  s.d = _mm_shuffle_epi32(s.d, 0x4e);
  if constexpr (kRound + 1 < kRounds) RowRounds<kRound + 1>(s, message);
}

// The chaining value in two registers.
struct RowCv {
  __m128i low, high;
};

__m128i LoadRow(const uint32_t* words) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(words));
}

RowCv LoadCv(const uint32_t words[8]) { return RowCv{LoadRow(words), LoadRow(words + 4)}; }

void StoreCv(const RowCv& cv, void* out) {
  _mm_storeu_si128(static_cast<__m128i*>(out), cv.low);
  _mm_storeu_si128(static_cast<__m128i*>(out) + 1, cv.high);
}

[[gnu::always_inline]] inline Rows CompressRows(const RowCv& cv, const uint8_t* block,
                                                uint32_t length, uint64_t counter, uint32_t flags) {
  Rows s;
  s.a = cv.low;
  s.b = cv.high;
  s.c = LoadRow(kIv);
  s.d = _mm_set_epi64x(static_cast<int64_t>(uint64_t{flags} << 32 | length),
                       static_cast<int64_t>(counter));
  RowRounds<0>(s, _mm512_loadu_si512(block));
  return s;
}

[[gnu::always_inline]] inline void CompressInto(RowCv& cv, const uint8_t* block, uint64_t counter,
                                                uint32_t flags) {
  const Rows s = CompressRows(cv, block, kBlockBytes, counter, flags);
  cv = RowCv{_mm_xor_si128(s.a, s.c), _mm_xor_si128(s.b, s.d)};
}

// One or two inputs left over are faster row by row than in a group of lanes.
constexpr size_t kRowInputsMax = 2;

constexpr size_t ByLanes(size_t count) {
  const size_t rest = count % Vector::kLanes;
  return rest <= kRowInputsMax ? count - rest : count;
}

}  // namespace

void ChunksAvx512(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                  uint32_t flags, uint8_t* cvs) {
  const size_t lanes = ByLanes(count);
  ChunksByLanes<Vector>(input, lanes, key, counter, flags, cvs);
  for (size_t i = lanes; i < count; ++i) {
    RowCv cv = LoadCv(key);
    for (size_t b = 0; b < kBlocksPerChunk; ++b) {
      CompressInto(cv, input + i * kChunkBytes + b * kBlockBytes, counter + i,
                   ChunkBlockFlags(b, flags));
    }
    StoreCv(cv, cvs + i * kCvBytes);
  }
}

void ParentsAvx512(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                   uint8_t* cvs) {
  const size_t lanes = ByLanes(count);
  ParentsByLanes<Vector>(children, lanes, key, flags, cvs);
  for (size_t i = lanes; i < count; ++i) {
    RowCv cv = LoadCv(key);
    CompressInto(cv, children + i * 2 * kCvBytes, 0, flags | kParent);
    StoreCv(cv, cvs + i * kCvBytes);
  }
}

void BlocksAvx512(uint32_t cv[8], const uint8_t* input, size_t count, size_t first,
                  uint64_t counter, uint32_t flags) {
  RowCv value = LoadCv(cv);
  for (size_t i = 0; i < count; ++i) {
    CompressInto(value, input + i * kBlockBytes, counter, ChunkBlockFlags(first + i, flags));
  }
  StoreCv(value, cv);
}

void CompressAvx512(const uint32_t cv[8], const uint8_t block[64], uint32_t length,
                    uint64_t counter, uint32_t flags, uint32_t out[16]) {
  const RowCv before = LoadCv(cv);
  const Rows s = CompressRows(before, block, length, counter, flags);
  StoreCv(RowCv{_mm_xor_si128(s.a, s.c), _mm_xor_si128(s.b, s.d)}, out);
  StoreCv(RowCv{_mm_xor_si128(s.c, before.low), _mm_xor_si128(s.d, before.high)}, out + 8);
}

}  // namespace quipu::blake3
