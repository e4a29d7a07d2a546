// BLAKE3 over eight lanes, and one input by rows.
#include <immintrin.h>

#include "kernels/blake3/blake3_inputs.h"
#include "kernels/blake3/blake3_kernels.h"
#include "kernels/blake3/blake3_lanes.h"
#include "kernels/blake3/blake3_rows.h"
#include "kernels/lanes/lanes8.h"

namespace quipu::blake3 {
namespace {

// Bytes of each word rotated right by one and by two, for a shuffle.
alignas(32) constexpr uint8_t kRotateBytes[2][32] = {
    {1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,  //
     1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12},
    {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,  //
     2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}};

struct Eight : Lanes8 {
  static constexpr bool kMixesItself = true;

  // Sixteen state words and something to work with do not fit sixteen registers. Compilers then
  // keep whatever they please in memory, and the chain of dependent steps waits for it. Here one
  // word of row c alone lives in memory: it is touched once, where nothing waits, and its register
  // is the spare one. Byte masks are read from memory too.
  [[gnu::always_inline]] static void AllRounds(Word s[16], const Word m[16], const uint8_t* fetch) {
    Word c0 = s[8];
    HalfRounds<0>(s, c0, m, fetch);
    s[8] = c0;
  }

 private:
  template <int kHalf>
  [[gnu::always_inline]] static void HalfRounds(Word s[16], Word& c0, const Word m[16],
                                                const uint8_t* fetch) {
    constexpr int kDiagonal = kHalf % 2;
    constexpr const int* kWords = kSchedule[kHalf / 2] + 8 * kDiagonal;
    FetchShare(fetch, kLanes, kHalf);
    HalfMixes<kDiagonal, 16, 12>(s, c0, m, kWords);
    HalfMixes<kDiagonal, 8, 7>(s, c0, m, kWords + 1);
    if constexpr (kHalf + 1 < 2 * kRounds) HalfRounds<kHalf + 1>(s, c0, m, fetch);
  }

  template <int kDiagonal, int kFirstRotation, int kSecondRotation>
  [[gnu::always_inline]] static void HalfMixes(Word s[16], Word& c0, const Word m[16],
                                               const int* words) {
    static_assert(kFirstRotation % 8 == 0);
    constexpr int kFirst = kDiagonal == 0 ? 0 : 2;  // the mix whose c is word 8
    constexpr int i0 = kFirst, i1 = (kFirst + 1) % 4, i2 = (kFirst + 2) % 4, i3 = (kFirst + 3) % 4;
    static_assert(QUIPU_C(i0, kDiagonal) == 8);
#define QUIPU_WORD(name, i) s[QUIPU_##name(i, kDiagonal)]
    QUIPU_WORD(A, i0) = Add(QUIPU_WORD(A, i0), m[words[2 * i0]]);
    QUIPU_WORD(A, i1) = Add(QUIPU_WORD(A, i1), m[words[2 * i1]]);
    QUIPU_WORD(A, i2) = Add(QUIPU_WORD(A, i2), m[words[2 * i2]]);
    QUIPU_WORD(A, i3) = Add(QUIPU_WORD(A, i3), m[words[2 * i3]]);
    __asm__(
        "vpaddd %[b0], %[a0], %[a0]\n"
        "vpaddd %[b1], %[a1], %[a1]\n"
        "vpaddd %[b2], %[a2], %[a2]\n"
        "vpaddd %[b3], %[a3], %[a3]\n"
        "vpxor %[a0], %[d0], %[d0]\n"
        "vpxor %[a1], %[d1], %[d1]\n"
        "vpxor %[a2], %[d2], %[d2]\n"
        "vpxor %[a3], %[d3], %[d3]\n"
        "vpshufb %[mask], %[d0], %[d0]\n"
        "vpshufb %[mask], %[d1], %[d1]\n"
        "vpshufb %[mask], %[d2], %[d2]\n"
        "vpshufb %[mask], %[d3], %[d3]\n"
        : [a0] "+&x"(QUIPU_WORD(A, i0)), [a1] "+&x"(QUIPU_WORD(A, i1)),
          [a2] "+&x"(QUIPU_WORD(A, i2)), [a3] "+&x"(QUIPU_WORD(A, i3)),
          [d0] "+&x"(QUIPU_WORD(D, i0)), [d1] "+&x"(QUIPU_WORD(D, i1)),
          [d2] "+&x"(QUIPU_WORD(D, i2)), [d3] "+&x"(QUIPU_WORD(D, i3))
        : [b0] "x"(QUIPU_WORD(B, i0)), [b1] "x"(QUIPU_WORD(B, i1)), [b2] "x"(QUIPU_WORD(B, i2)),
          [b3] "x"(QUIPU_WORD(B, i3)), [mask] "m"(kRotateBytes[kFirstRotation / 8 - 1]));
    Word spare;
#define QUIPU_ROTATE(b)            \
  "vpsrld %[right], %[" b          \
  "], %[spare]\n"                  \
  "vpslld %[left], %[" b "], %[" b \
  "]\n"                            \
  "vpor %[spare], %[" b "], %[" b "]\n"
    __asm__(
        "vpaddd %[c0], %[d0], %[spare]\n"
        "vpaddd %[d1], %[c1], %[c1]\n"
        "vpaddd %[d2], %[c2], %[c2]\n"
        "vpaddd %[d3], %[c3], %[c3]\n"
        "vmovdqa %[spare], %[c0]\n"
        "vpxor %[spare], %[b0], %[b0]\n"
        "vpxor %[c1], %[b1], %[b1]\n"
        "vpxor %[c2], %[b2], %[b2]\n"
        "vpxor %[c3], %[b3], %[b3]\n"  //
        QUIPU_ROTATE("b0") QUIPU_ROTATE("b1") QUIPU_ROTATE("b2") QUIPU_ROTATE("b3")
        : [spare] "=&x"(spare), [c0] "+m"(c0), [c1] "+&x"(QUIPU_WORD(C, i1)),
          [c2] "+&x"(QUIPU_WORD(C, i2)), [c3] "+&x"(QUIPU_WORD(C, i3)),
          [b0] "+&x"(QUIPU_WORD(B, i0)), [b1] "+&x"(QUIPU_WORD(B, i1)),
          [b2] "+&x"(QUIPU_WORD(B, i2)), [b3] "+&x"(QUIPU_WORD(B, i3))
        : [d0] "x"(QUIPU_WORD(D, i0)), [d1] "x"(QUIPU_WORD(D, i1)), [d2] "x"(QUIPU_WORD(D, i2)),
          [d3] "x"(QUIPU_WORD(D, i3)), [right] "n"(kSecondRotation),
          [left] "n"(32 - kSecondRotation));
#undef QUIPU_ROTATE
#undef QUIPU_WORD
  }
};

struct RowMachine : OneInput {
  using Message = const uint8_t*;
  static Message Load(const uint8_t* block) { return block; }

  template <int kCount>
  static __m128i RotateRight(__m128i a) {
    if constexpr (kCount % 8 == 0) {
      return _mm_shuffle_epi8(
          a, _mm_load_si128(reinterpret_cast<const __m128i*>(kRotateBytes[kCount / 8 - 1])));
    } else {
      return _mm_or_si128(_mm_srli_epi32(a, kCount), _mm_slli_epi32(a, 32 - kCount));
    }
  }

  template <int kRound>
  static RoundWords<Vector> Words(Message block) {
    static constexpr RowSchedule kOrder = ScheduleOfRound(kRound);
    const auto word = [block](int position) {
      int value;
      std::memcpy(&value, block + 4 * kOrder.index[position], sizeof(value));
      return value;
    };
    RoundWords<Vector> words;
    for (int i = 0; i < 4; ++i) {
      words.part[i] =
          _mm_setr_epi32(word(4 * i), word(4 * i + 1), word(4 * i + 2), word(4 * i + 3));
    }
    return words;
  }
};

void HashRun(const Run& run, size_t count, uint8_t* cvs) {
  size_t done = 0;
  for (; count - done > 1; done += std::min(count - done, Eight::kLanes)) {
    HashGroups<Eight, 1>(run, done, std::min(count - done, Eight::kLanes), cvs);
  }
  if (count - done == 1) HashByRows<RowMachine>(run, done, cvs);
}

}  // namespace

void ChunksAvx2(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                uint32_t flags, uint8_t* cvs) {
  HashRun(ChunkRun(input, count, key, counter, flags), count, cvs);
}

void ParentsAvx2(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                 uint8_t* cvs) {
  HashRun(ParentRun(children, count, key, flags), count, cvs);
}

void InputsAvx2(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags) {
  if (count > 0) InputLanes<Eight, 1>(inputs, count, key, flags).Run();
}

void BlocksAvx2(uint32_t cv[8], const uint8_t* input, size_t count, size_t first, uint64_t counter,
                uint32_t flags) {
  BlocksByRows<RowMachine>(cv, input, count, first, counter, flags);
}

void CompressAvx2(const uint32_t cv[8], const uint8_t block[64], uint32_t length, uint64_t counter,
                  uint32_t flags, uint32_t out[16]) {
  CompressByRows<RowMachine>(cv, block, length, counter, flags, out);
}

}  // namespace quipu::blake3
