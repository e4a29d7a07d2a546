// SHA-256 with one message a lane: word i of all messages in vector i. Included by one file an
// instruction set, each of which supplies vectors (kernels/lanes).
#ifndef QUIPU_KERNELS_SHA256_SHA256_LANES_H_
#define QUIPU_KERNELS_SHA256_SHA256_LANES_H_

#include "kernels/sha256/sha256_batch.h"

namespace quipu::sha256 {
namespace {

template <class Vector>
class VectorMachine {
 public:
  static constexpr size_t kLanes = Vector::kLanes;

  void Reset(size_t lane) {
    for (int i = 0; i < 8; ++i) words(i)[lane] = kInitial[i];
  }

  void ResetAll() {
    for (int i = 0; i < 8; ++i) state_[i] = Vector::Broadcast(kInitial[i]);
  }

  void Store(size_t lane, uint8_t* digest) {
    uint32_t out[8];
    for (int i = 0; i < 8; ++i) out[i] = words(i)[lane];
    StoreBigEndian(out, 8, digest);
  }

  void StoreAll(uint8_t* digests) {
    Word out[8];
    for (int i = 0; i < 8; ++i) out[i] = Vector::SwapBytes(state_[i]);
    Vector::StoreRows(out, digests);
  }

  void Compress(const uint8_t* const rows[kLanes], int prefix) {
    Word w[16], s[8];
    Vector::LoadRows(rows, 0, w);
    for (int i = 0; i < 16; ++i) w[i] = Vector::SwapBytes(w[i]);
    if (prefix != kNoPrefix) {
      w[0] = Vector::Select(Vector::Broadcast(0x00ffffff), w[0],
                            Vector::Broadcast(static_cast<uint32_t>(prefix) << 24));
    }
    for (int i = 0; i < 8; ++i) s[i] = state_[i];
    for (int t = 0; t < kRounds - 16; t += 16) SixteenRounds<true>(s, w, t);
    SixteenRounds<false>(s, w, kRounds - 16);
    for (int i = 0; i < 8; ++i) state_[i] = Vector::Add(s[i], state_[i]);
  }

 private:
  using Word = typename Vector::Word;

  uint32_t* words(int i) { return reinterpret_cast<uint32_t*>(&state_[i]); }

  template <int kA, int kB, int kC>
  static Word Rotations(Word x) {
    return Vector::Xor(Vector::template RotateRight<kA>(x), Vector::template RotateRight<kB>(x),
                       Vector::template RotateRight<kC>(x));
  }

  template <int kA, int kB, int kShift>
  static Word RotationsAndShift(Word x) {
    return Vector::Xor(Vector::template RotateRight<kA>(x), Vector::template RotateRight<kB>(x),
                       Vector::template ShiftRight<kShift>(x));
  }

  template <bool kSchedule>
  [[gnu::always_inline]] static void SixteenRounds(Word s[8], Word w[16], int t) {
#pragma GCC unroll 16
    for (int u = 0; u < 16; ++u) {
      // The names rotate instead of the values: a is s[(0 - u) mod 8], and so on.
      const Word a = s[(16 - u) % 8], b = s[(17 - u) % 8], c = s[(18 - u) % 8];
      const Word e = s[(20 - u) % 8], f = s[(21 - u) % 8], g = s[(22 - u) % 8];
      Word& d = s[(19 - u) % 8];
      Word& h = s[(23 - u) % 8];
      const Word sum = Vector::Add(w[u], Vector::Broadcast(kConstants[t + u]));
      const Word t1 = Vector::Add(Vector::Add(Vector::Add(h, sum), Vector::Select(e, f, g)),
                                  Rotations<6, 11, 25>(e));
      d = Vector::Add(d, t1);
      h = Vector::Add(t1, Vector::Add(Rotations<2, 13, 22>(a), Vector::Majority(a, b, c)));
      if constexpr (kSchedule) {
        w[u] = Vector::Add(
            Vector::Add(w[u], RotationsAndShift<7, 18, 3>(w[(u + 1) % 16])),
            Vector::Add(w[(u + 9) % 16], RotationsAndShift<17, 19, 10>(w[(u + 14) % 16])));
      }
    }
  }

  alignas(64) Word state_[8];
};

}  // namespace
}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_LANES_H_
