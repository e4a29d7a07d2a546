// BLAKE3 of one input at a time, where only latency counts: the state's four rows of four words in
// four registers. Included by one file an instruction set, which supplies `Machine` in its own
// unnamed namespace: RotateRight<n>, Load (a block) and Words<kRound> (the four registers of
// message words that a round takes, by kRowOrder).
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_ROWS_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_ROWS_H_

#include <immintrin.h>

#include "kernels/blake3/blake3_lanes.h"

namespace quipu::blake3 {
namespace {

struct Rows {
  __m128i a, b, c, d;
};

struct RoundWords {
  __m128i part[4];
};

// Positions in the schedule of the words that a round takes: first and second words of the column
// mixes, then of the diagonal mixes. Diagonals become columns by rotating every row but b, the last
// to be ready; diagonal i is then in column i + 1.
constexpr int kRowOrder[4][4] = {{0, 2, 4, 6}, {1, 3, 5, 7}, {14, 8, 10, 12}, {15, 9, 11, 13}};

// Index of the message word of each of a round's sixteen positions.
struct RowSchedule {
  int index[16];
};
constexpr RowSchedule ScheduleOfRound(int round) {
  RowSchedule schedule{};
  for (int i = 0; i < 16; ++i) schedule.index[i] = kSchedule[round][kRowOrder[i / 4][i % 4]];
  return schedule;
}

// Half a mix of each column.
template <class Machine, int kFirstRotation, int kSecondRotation>
[[gnu::always_inline]] inline void HalfMixRows(Rows& s, __m128i words) {
  s.a = _mm_add_epi32(s.a, words);
  __asm__(""
          : "+x"(s.a));  // or the compiler adds the words to b first, which is the last to be ready
  s.a = _mm_add_epi32(s.a, s.b);
  s.d = Machine::template RotateRight<kFirstRotation>(_mm_xor_si128(s.d, s.a));
  s.c = _mm_add_epi32(s.c, s.d);
  s.b = Machine::template RotateRight<kSecondRotation>(_mm_xor_si128(s.b, s.c));
}

template <class Machine, int kRound = 0>
[[gnu::always_inline]] inline void RowRounds(Rows& s, const typename Machine::Message& message) {
  const RoundWords words = Machine::template Words<kRound>(message);
  HalfMixRows<Machine, 16, 12>(s, words.part[0]);
  HalfMixRows<Machine, 8, 7>(s, words.part[1]);
  s.a = _mm_shuffle_epi32(s.a, 0x93);
  s.c = _mm_shuffle_epi32(s.c, 0x39);
  s.d = _mm_shuffle_epi32(s.d, 0x4e);
  HalfMixRows<Machine, 16, 12>(s, words.part[2]);
  HalfMixRows<Machine, 8, 7>(s, words.part[3]);
  s.a = _mm_shuffle_epi32(s.a, 0x39);
  s.c = _mm_shuffle_epi32(s.c, 0x93);
  s.d = _mm_shuffle_epi32(s.d, 0x4e);
  if constexpr (kRound + 1 < kRounds) RowRounds<Machine, kRound + 1>(s, message);
}

// The chaining value in two registers.
struct RowCv {
  __m128i low, high;
};

inline __m128i LoadRow(const uint32_t* words) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(words));
}

inline RowCv LoadCv(const uint32_t words[8]) { return RowCv{LoadRow(words), LoadRow(words + 4)}; }

inline void StoreCv(const RowCv& cv, void* out) {
  _mm_storeu_si128(static_cast<__m128i*>(out), cv.low);
  _mm_storeu_si128(static_cast<__m128i*>(out) + 1, cv.high);
}

inline Rows InitialRows(const RowCv& cv, uint32_t length, uint64_t counter, uint32_t flags) {
  return Rows{cv.low, cv.high, LoadRow(kIv),
              _mm_set_epi64x(static_cast<int64_t>(uint64_t{flags} << 32 | length),
                             static_cast<int64_t>(counter))};
}

template <class Machine>
[[gnu::always_inline]] inline void CompressInto(RowCv& cv, const uint8_t* block, uint64_t counter,
                                                uint32_t flags) {
  Rows s = InitialRows(cv, kBlockBytes, counter, flags);
  RowRounds<Machine>(s, Machine::Load(block));
  cv = RowCv{_mm_xor_si128(s.a, s.c), _mm_xor_si128(s.b, s.d)};
}

// Input `index` of a run.
template <class Machine>
inline void HashByRows(const Run& run, size_t index, uint8_t* cvs) {
  RowCv cv = LoadCv(run.key);
  const size_t blocks = run.stride / kBlockBytes;
  for (size_t b = 0; b < blocks; ++b) {
    CompressInto<Machine>(cv, run.input + index * run.stride + b * kBlockBytes,
                          run.counter + index * run.step, run.FlagsOf(b, blocks));
  }
  StoreCv(cv, cvs + index * kCvBytes);
}

template <class Machine>
inline void BlocksByRows(uint32_t cv[8], const uint8_t* input, size_t count, size_t first,
                         uint64_t counter, uint32_t flags) {
  RowCv value = LoadCv(cv);
  for (size_t i = 0; i < count; ++i) {
    CompressInto<Machine>(value, input + i * kBlockBytes, counter,
                          ChunkBlockFlags(first + i, flags));
  }
  StoreCv(value, cv);
}

template <class Machine>
inline void CompressByRows(const uint32_t cv[8], const uint8_t block[64], uint32_t length,
                           uint64_t counter, uint32_t flags, uint32_t out[16]) {
  const RowCv before = LoadCv(cv);
  Rows s = InitialRows(before, length, counter, flags);
  RowRounds<Machine>(s, Machine::Load(block));
  StoreCv(RowCv{_mm_xor_si128(s.a, s.c), _mm_xor_si128(s.b, s.d)}, out);
  StoreCv(RowCv{_mm_xor_si128(s.c, before.low), _mm_xor_si128(s.d, before.high)}, out + 8);
}

}  // namespace
}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_ROWS_H_
