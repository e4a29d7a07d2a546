// BLAKE3 with the state's four rows of four words in four registers, where only latency counts: of
// one input at a time, or of as many as a register holds rows. Included by one file an instruction
// set, which supplies `Machine` in its own unnamed namespace: Vector and its Add, Xor,
// RotateRight<n> and Turn<order>, Message (a block of each input) and Words<kRound> (the four
// registers of message words that a round takes, by kRowOrder).
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_ROWS_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_ROWS_H_

#include <immintrin.h>

#include "kernels/blake3/blake3_lanes.h"

namespace quipu::blake3 {
namespace {

template <class Vector>
struct Rows {
  Vector a, b, c, d;
};

template <class Vector>
struct RoundWords {
  Vector part[4];
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

// Half a mix of each column, in groups side by side.
template <class Machine, int kFirstRotation, int kSecondRotation, int kGroups, class Vector>
[[gnu::always_inline]] inline void HalfMixRows(Rows<Vector> (&s)[kGroups],
                                               const RoundWords<Vector> (&words)[kGroups],
                                               int part) {
  for (int g = 0; g < kGroups; ++g) {
    s[g].a = Machine::Add(s[g].a, words[g].part[part]);
    // Or the compiler adds the words to b first, which is the last to be ready.
    __asm__("" : "+v"(s[g].a));
    s[g].a = Machine::Add(s[g].a, s[g].b);
  }
  for (Rows<Vector>& r : s) {
    r.d = Machine::template RotateRight<kFirstRotation>(Machine::Xor(r.d, r.a));
  }
  for (Rows<Vector>& r : s) r.c = Machine::Add(r.c, r.d);
  for (Rows<Vector>& r : s) {
    r.b = Machine::template RotateRight<kSecondRotation>(Machine::Xor(r.b, r.c));
  }
}

template <class Machine, int kGroups, int kRound = 0>
[[gnu::always_inline]] inline void RowRounds(Rows<typename Machine::Vector> (&s)[kGroups],
                                             const typename Machine::Message (&messages)[kGroups]) {
  RoundWords<typename Machine::Vector> words[kGroups];
  for (int g = 0; g < kGroups; ++g) words[g] = Machine::template Words<kRound>(messages[g]);
  HalfMixRows<Machine, 16, 12>(s, words, 0);
  HalfMixRows<Machine, 8, 7>(s, words, 1);
  for (auto& r : s) {
    r.a = Machine::template Turn<0x93>(r.a);
    r.c = Machine::template Turn<0x39>(r.c);
    r.d = Machine::template Turn<0x4e>(r.d);
  }
  HalfMixRows<Machine, 16, 12>(s, words, 2);
  HalfMixRows<Machine, 8, 7>(s, words, 3);
  for (auto& r : s) {
    r.a = Machine::template Turn<0x39>(r.a);
    r.c = Machine::template Turn<0x93>(r.c);
    r.d = Machine::template Turn<0x4e>(r.d);
  }
  if constexpr (kRound + 1 < kRounds) RowRounds<Machine, kGroups, kRound + 1>(s, messages);
}

// The arithmetic of machines of one input.
struct OneInput {
  using Vector = __m128i;
  static Vector Add(Vector a, Vector b) { return _mm_add_epi32(a, b); }
  static Vector Xor(Vector a, Vector b) { return _mm_xor_si128(a, b); }
  template <int kOrder>
  static Vector Turn(Vector a) {
    return _mm_shuffle_epi32(a, kOrder);
  }
};

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

// Counter, length and flags.
inline __m128i LastRow(uint32_t length, uint64_t counter, uint32_t flags) {
  return _mm_set_epi64x(static_cast<int64_t>(uint64_t{flags} << 32 | length),
                        static_cast<int64_t>(counter));
}

// The state after all rounds, but for the last steps that fold it.
template <class Machine>
[[gnu::always_inline]] inline Rows<__m128i> Mixed(const RowCv& cv, const uint8_t* block,
                                                  uint32_t length, uint64_t counter,
                                                  uint32_t flags) {
  Rows<__m128i> s[1] = {{cv.low, cv.high, LoadRow(kIv), LastRow(length, counter, flags)}};
  const typename Machine::Message message[1] = {Machine::Load(block)};
  RowRounds<Machine>(s, message);
  return s[0];
}

template <class Machine>
[[gnu::always_inline]] inline void CompressInto(RowCv& cv, const uint8_t* block, uint64_t counter,
                                                uint32_t flags) {
  const Rows<__m128i> s = Mixed<Machine>(cv, block, kBlockBytes, counter, flags);
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
  const Rows<__m128i> s = Mixed<Machine>(before, block, length, counter, flags);
  StoreCv(RowCv{_mm_xor_si128(s.a, s.c), _mm_xor_si128(s.b, s.d)}, out);
  StoreCv(RowCv{_mm_xor_si128(s.c, before.low), _mm_xor_si128(s.d, before.high)}, out + 8);
}

}  // namespace
}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_ROWS_H_
