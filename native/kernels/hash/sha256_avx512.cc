// SHA-256 of many messages, sixteen at a time, one a lane. A lane whose message ends takes the next
// one, so messages of different lengths keep all lanes busy.
#include <immintrin.h>

#include "kernels/hash/sha256_lane.h"

namespace quipu::sha256 {
namespace {

constexpr size_t kLanes = 16;
using Word = __m512i;

Word Add(Word a, Word b) { return _mm512_add_epi32(a, b); }
Word Xor3(Word a, Word b, Word c) { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
Word Choice(Word e, Word f, Word g) { return _mm512_ternarylogic_epi32(e, f, g, 0xca); }
Word Majority(Word a, Word b, Word c) { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }

template <int kA, int kB, int kC>
Word Rotations(Word x) {
  return Xor3(_mm512_ror_epi32(x, kA), _mm512_ror_epi32(x, kB), _mm512_ror_epi32(x, kC));
}

template <int kA, int kB, int kShift>
Word RotationsAndShift(Word x) {
  return Xor3(_mm512_ror_epi32(x, kA), _mm512_ror_epi32(x, kB), _mm512_srli_epi32(x, kShift));
}

// Sixteen rows of 64 bytes into sixteen vectors of big-endian words.
void LoadBlocks(const uint8_t* const rows[kLanes], Word w[16]) {
  const Word swap =
      _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
  Word q[16];
  for (int g = 0; g < 4; ++g) {
    Word r[4];
    for (int i = 0; i < 4; ++i) {
      r[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(rows[4 * g + i]), swap);
    }
    const Word a0 = _mm512_unpacklo_epi32(r[0], r[1]), a1 = _mm512_unpackhi_epi32(r[0], r[1]);
    const Word a2 = _mm512_unpacklo_epi32(r[2], r[3]), a3 = _mm512_unpackhi_epi32(r[2], r[3]);
    q[4 * g] = _mm512_unpacklo_epi64(a0, a2);
    q[4 * g + 1] = _mm512_unpackhi_epi64(a0, a2);
    q[4 * g + 2] = _mm512_unpacklo_epi64(a1, a3);
    q[4 * g + 3] = _mm512_unpackhi_epi64(a1, a3);
  }
  for (int j = 0; j < 4; ++j) {
    const Word low01 = _mm512_shuffle_i32x4(q[j], q[4 + j], 0x44);
    const Word high01 = _mm512_shuffle_i32x4(q[j], q[4 + j], 0xee);
    const Word low23 = _mm512_shuffle_i32x4(q[8 + j], q[12 + j], 0x44);
    const Word high23 = _mm512_shuffle_i32x4(q[8 + j], q[12 + j], 0xee);
    w[j] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    w[4 + j] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    w[8 + j] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    w[12 + j] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
  }
}

// One block of every lane. state[i] holds word i of all lanes.
void CompressLanes(uint32_t state[8][kLanes], const uint8_t* const rows[kLanes]) {
  Word w[16];
  LoadBlocks(rows, w);
  Word s[8];
  for (int i = 0; i < 8; ++i) s[i] = _mm512_load_si512(state[i]);
  for (int t = 0; t < kRounds; t += 16) {
#pragma GCC unroll 16
    for (int u = 0; u < 16; ++u) {
      // The names rotate instead of the values: a is s[(0 - u) mod 8], and so on.
      Word& a = s[(16 - u) % 8];
      Word& b = s[(17 - u) % 8];
      Word& c = s[(18 - u) % 8];
      Word& d = s[(19 - u) % 8];
      Word& e = s[(20 - u) % 8];
      Word& f = s[(21 - u) % 8];
      Word& g = s[(22 - u) % 8];
      Word& h = s[(23 - u) % 8];
      const Word sum = Add(w[u], _mm512_set1_epi32(static_cast<int>(kConstants[t + u])));
      const Word t1 = Add(Add(h, sum), Add(Rotations<6, 11, 25>(e), Choice(e, f, g)));
      d = Add(d, t1);
      h = Add(t1, Add(Rotations<2, 13, 22>(a), Majority(a, b, c)));
      if (t < 48) {
        w[u] = Add(Add(w[u], RotationsAndShift<7, 18, 3>(w[(u + 1) % 16])),
                   Add(w[(u + 9) % 16], RotationsAndShift<17, 19, 10>(w[(u + 14) % 16])));
      }
    }
  }
  for (int i = 0; i < 8; ++i) {
    _mm512_store_si512(state[i], Add(s[i], _mm512_load_si512(state[i])));
  }
}

}  // namespace

void ManyAvx512(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  alignas(64) uint32_t state[8][kLanes];
  alignas(64) static constexpr uint8_t kIdle[kBlockBytes] = {};
  Lane lanes[kLanes];
  bool busy[kLanes];
  size_t started = 0;
  size_t active = 0;
  const auto start = [&](size_t lane) {
    busy[lane] = started < count;
    if (!busy[lane]) return;
    lanes[lane].Start(messages[started], prefix, started);
    for (int i = 0; i < 8; ++i) state[i][lane] = kInitial[i];
    ++started;
    ++active;
  };
  for (size_t lane = 0; lane < kLanes; ++lane) start(lane);
  while (active > 0) {
    const uint8_t* rows[kLanes];
    for (size_t lane = 0; lane < kLanes; ++lane) {
      rows[lane] = busy[lane] ? lanes[lane].Next() : kIdle;
    }
    CompressLanes(state, rows);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      if (!busy[lane] || lanes[lane].left() > 0) continue;
      uint32_t words[8];
      for (int i = 0; i < 8; ++i) words[i] = state[i][lane];
      StoreBigEndian(words, 8, digests + lanes[lane].index() * kDigestBytes);
      --active;
      start(lane);
    }
  }
}

}  // namespace quipu::sha256
