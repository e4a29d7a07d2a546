// BLAKE3 over eight lanes.
#include <immintrin.h>

#include "kernels/hash/blake3_kernels.h"
#include "kernels/hash/blake3_lanes.h"

namespace quipu::blake3 {
namespace {

struct Vector {
  using Word = __m256i;
  static constexpr size_t kLanes = 8;

  static Word Load(const uint32_t* words) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
  }
  static Word Broadcast(uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
  static Word Add(Word a, Word b) { return _mm256_add_epi32(a, b); }
  static Word Xor(Word a, Word b) { return _mm256_xor_si256(a, b); }

  template <int kCount>
  static Word RotateRight(Word a) {
    if constexpr (kCount == 16) {
      return _mm256_shuffle_epi8(
          a, _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,  //
                              2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    } else if constexpr (kCount == 8) {
      return _mm256_shuffle_epi8(
          a, _mm256_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,  //
                              1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
    } else {
      return _mm256_or_si256(_mm256_srli_epi32(a, kCount), _mm256_slli_epi32(a, 32 - kCount));
    }
  }

  // v[i] word j becomes v[j] word i.
  static void Transpose(Word v[8]) {
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

  static constexpr int kSteps = 2;

  template <int kStep>
  static void LoadStep(const uint8_t* const rows[], size_t offset, Word*, Word m[16]) {
    Word* const half = m + 8 * kStep;
    for (int i = 0; i < 8; ++i) {
      half[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[i] + offset + 32 * kStep));
    }
    Transpose(half);
  }

  static void StoreCvs(Word cv[8], uint8_t* cvs) {
    Transpose(cv);
    for (int i = 0; i < 8; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(cvs + kCvBytes * i), cv[i]);
    }
  }
};

}  // namespace

void ChunksAvx2(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                uint32_t flags, uint8_t* cvs) {
  ChunksByLanes<Vector>(input, count, key, counter, flags, cvs);
}

void ParentsAvx2(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                 uint8_t* cvs) {
  ParentsByLanes<Vector>(children, count, key, flags, cvs);
}

}  // namespace quipu::blake3
