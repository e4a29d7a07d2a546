// Numbers that no floating-point kernel finds easy, the same in every run.
#ifndef QUIPU_TEST_HARD_FLOATS_H_
#define QUIPU_TEST_HARD_FLOATS_H_

#include <cstring>
#include <vector>

#include "kernels/math/canonical.h"
#include "test/check.h"

namespace quipu::test {

// Between -1 and 1, but for one in `rarity` that is a zero of either sign, the smallest numbers, an
// infinity, NaN or any bits.
inline std::vector<float> HardFloats(size_t count, uint64_t seed, uint32_t rarity = 64) {
  static constexpr uint32_t kHard[] = {0x00000000u, 0x80000000u, 0x00000001u, 0x80000001u,
                                       0x007fffffu, 0x7f800000u, 0xff800000u, 0xffc00000u};
  const std::vector<uint8_t> noise = Noise(count * sizeof(uint32_t), seed);
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, noise.data() + i * sizeof(bits), sizeof(bits));
    const uint32_t kind = bits / rarity % 16;
    const float hard = F32OfBits(kind < 8 ? kHard[kind] : bits);
    const float easy = static_cast<float>(static_cast<int32_t>(bits)) / 2147483648.0f;
    numbers[i] = bits % rarity == 0 ? hard : easy;
  }
  return numbers;
}

// The same bits, all NaN taken for one.
inline bool SameFloats(const std::vector<float>& a, const std::vector<float>& b) {
  bool same = a.size() == b.size();
  for (size_t i = 0; same && i < a.size(); ++i) {
    same = CanonicalBitsF32(BitsOfF32(a[i])) == CanonicalBitsF32(BitsOfF32(b[i]));
  }
  return same;
}

}  // namespace quipu::test

#endif  // QUIPU_TEST_HARD_FLOATS_H_
