// BLAKE3 over sixteen lanes, two groups at a time; remainders over eight lanes, and few inputs by
// rows.
#include <immintrin.h>

#include "kernels/blake3/blake3_inputs.h"
#include "kernels/blake3/blake3_kernels.h"
#include "kernels/blake3/blake3_lanes.h"
#include "kernels/blake3/blake3_pairs_avx512.h"
#include "kernels/blake3/blake3_rows.h"
#include "kernels/lanes/lanes16.h"
#include "kernels/lanes/lanes8.h"

namespace quipu::blake3 {
namespace {

struct Sixteen : Lanes16 {
  static constexpr bool kMixesItself = false;
};

struct Eight : Lanes8 {
  static constexpr bool kMixesItself = false;
};

struct RowMachine : OneInput {
  using Message = __m512i;
  static Message Load(const uint8_t* block) { return _mm512_loadu_si512(block); }
  template <int kCount>
  static __m128i RotateRight(__m128i a) {
    return _mm_ror_epi32(a, kCount);
  }
  template <int kRound>
  static RoundWords<Vector> Words(const Message& message) {
    alignas(64) static constexpr RowSchedule kOrder = ScheduleOfRound(kRound);
    const __m512i words = _mm512_permutexvar_epi32(_mm512_load_si512(kOrder.index), message);
    return RoundWords<Vector>{{_mm512_castsi512_si128(words), _mm512_extracti32x4_epi32(words, 1),
                               _mm512_extracti32x4_epi32(words, 2),
                               _mm512_extracti32x4_epi32(words, 3)}};
  }
};

void HashRun(const Run& run, size_t count, uint8_t* cvs) {
  size_t done = 0;
  for (; count - done >= 32; done += 32) HashGroups<Sixteen, 2>(run, done, 32, cvs);
  if (count - done >= 16) {
    HashGroups<Sixteen, 1>(run, done, 16, cvs);
    done += 16;
  }
  const size_t left = count - done;
  if (left > 8) {
    HashGroups<Sixteen, 1>(run, done, left, cvs);
  } else if (left > 4) {
    HashGroups<Eight, 1>(run, done, left, cvs);
  } else if (left > 2) {
    HashPairs<2>(run, done, left, cvs);
  } else if (left == 2) {
    HashPairs<1>(run, done, left, cvs);
  } else if (left == 1) {
    HashByRows<RowMachine>(run, done, cvs);
  }
}

}  // namespace

void ChunksAvx512(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                  uint32_t flags, uint8_t* cvs) {
  HashRun(ChunkRun(input, count, key, counter, flags), count, cvs);
}

void ParentsAvx512(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                   uint8_t* cvs) {
  HashRun(ParentRun(children, count, key, flags), count, cvs);
}

void InputsAvx512(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags) {
  if (count > 8) {
    InputLanes<Sixteen, 2>(inputs, count, key, flags).Run();
  } else if (count > 0) {
    InputLanes<Eight, 1>(inputs, count, key, flags).Run();
  }
}

void BlocksAvx512(uint32_t cv[8], const uint8_t* input, size_t count, size_t first,
                  uint64_t counter, uint32_t flags) {
  BlocksByRows<RowMachine>(cv, input, count, first, counter, flags);
}

void CompressAvx512(const uint32_t cv[8], const uint8_t block[64], uint32_t length,
                    uint64_t counter, uint32_t flags, uint32_t out[16]) {
  CompressByRows<RowMachine>(cv, block, length, counter, flags, out);
}

}  // namespace quipu::blake3
