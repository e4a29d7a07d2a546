// BLAKE3 of a few inputs by rows, two in a register: eight lanes would take as long for two as for
// eight. With AVX-512, whose permutations take words out of two blocks at once.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_PAIRS_AVX512_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_PAIRS_AVX512_H_

#include <algorithm>

#include "kernels/blake3/blake3_rows.h"

namespace quipu::blake3 {
namespace {

// Two inputs, a row of each in half a register.
struct PairMachine {
  using Vector = __m256i;
  struct Message {
    __m512i block[2];
  };
  static Vector Add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
  static Vector Xor(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
  template <int kCount>
  static Vector RotateRight(Vector a) {
    return _mm256_ror_epi32(a, kCount);
  }
  template <int kOrder>
  static Vector Turn(Vector a) {
    return _mm256_shuffle_epi32(a, kOrder);
  }
  template <int kRound>
  static RoundWords<Vector> Words(const Message& message) {
    // Of both messages' words: a row of the first, then that row of the second.
    static constexpr RowSchedule kOrder = ScheduleOfRound(kRound);
    alignas(64) static constexpr PairOrder kRows01 = OrderOfPair(kOrder, 0);
    alignas(64) static constexpr PairOrder kRows23 = OrderOfPair(kOrder, 2);
    const __m512i rows01 = _mm512_permutex2var_epi32(
        message.block[0], _mm512_load_si512(kRows01.index), message.block[1]);
    const __m512i rows23 = _mm512_permutex2var_epi32(
        message.block[0], _mm512_load_si512(kRows23.index), message.block[1]);
    return RoundWords<Vector>{{_mm512_castsi512_si256(rows01), _mm512_extracti64x4_epi64(rows01, 1),
                               _mm512_castsi512_si256(rows23),
                               _mm512_extracti64x4_epi64(rows23, 1)}};
  }

 private:
  struct PairOrder {
    int index[16];
  };
  static constexpr PairOrder OrderOfPair(const RowSchedule& order, int row) {
    PairOrder pair{};
    for (int i = 0; i < 16; ++i) {
      const int input = i / 4 % 2;
      pair.index[i] = 16 * input + order.index[4 * (row + i / 8) + i % 4];
    }
    return pair;
  }
};

// Inputs `first` to `first` + count - 1, at most two a group; those past `count` repeat the last.
template <int kGroups>
void HashPairs(const Run& run, size_t first, size_t count, uint8_t* cvs) {
  const uint8_t* rows[kGroups][2];
  uint64_t counters[kGroups][2];
  for (size_t i = 0; i < 2 * kGroups; ++i) {
    const size_t index = first + std::min(i, count - 1);
    rows[i / 2][i % 2] = run.input + index * run.stride;
    counters[i / 2][i % 2] = run.counter + index * run.step;
  }
  const __m256i iv = _mm256_broadcastsi128_si256(LoadRow(kIv));
  __m256i low[kGroups], high[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    low[g] = _mm256_broadcastsi128_si256(LoadRow(run.key));
    high[g] = _mm256_broadcastsi128_si256(LoadRow(run.key + 4));
  }
  const size_t blocks = run.stride / kBlockBytes;
  for (size_t b = 0; b < blocks; ++b) {
    const uint32_t flags = run.FlagsOf(b, blocks);
    Rows<__m256i> s[kGroups];
    PairMachine::Message messages[kGroups];
    for (int g = 0; g < kGroups; ++g) {
      for (int i = 0; i < 2; ++i) {
        messages[g].block[i] = _mm512_loadu_si512(rows[g][i] + b * kBlockBytes);
      }
      s[g] = Rows<__m256i>{low[g], high[g], iv,
                           _mm256_setr_m128i(LastRow(kBlockBytes, counters[g][0], flags),
                                             LastRow(kBlockBytes, counters[g][1], flags))};
    }
    RowRounds<PairMachine>(s, messages);
    for (int g = 0; g < kGroups; ++g) {
      low[g] = _mm256_xor_si256(s[g].a, s[g].c);
      high[g] = _mm256_xor_si256(s[g].b, s[g].d);
    }
  }
  for (size_t i = 0; i < count; ++i) {
    const __m256i both = i % 2 == 0 ? _mm256_permute2x128_si256(low[i / 2], high[i / 2], 0x20)
                                    : _mm256_permute2x128_si256(low[i / 2], high[i / 2], 0x31);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(cvs + (first + i) * kCvBytes), both);
  }
}

}  // namespace
}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_PAIRS_AVX512_H_
