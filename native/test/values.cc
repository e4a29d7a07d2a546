#include "test/values.h"

#include <cstring>

#include "kernels/math/canonical.h"
#include "test/check.h"

namespace quipu::test {
namespace {

float ValueOf(uint32_t bits, Kind kind) {
  const uint32_t sign = bits & 0x80000000u;
  const uint32_t fraction = bits & 0x7fffff;
  const uint32_t some = bits >> 23 & 0xff;
  const float unit = static_cast<float>(static_cast<int32_t>(bits)) / 2147483648.0f;
  switch (kind) {
    case Kind::kUnit:
      return unit;
    case Kind::kWide:
      return F32OfBits(sign | (87 + some % 64) << 23 | fraction);
    case Kind::kZeros:
      return F32OfBits(sign);
    case Kind::kNegative:
      return some < 16 ? -0.0f : F32OfBits(BitsOfF32(unit) | 0x80000000u);
    case Kind::kSubnormal:
      return F32OfBits(sign | (some < 64 ? 0 : fraction));
    case Kind::kHostile:
      break;
  }
  if (some == 0) return F32OfBits(sign | 0x7f800000u | (fraction % 4 == 0 ? fraction : 0));
  return some < 8 ? F32OfBits(sign) : unit;
}

}  // namespace

std::vector<float> Values(size_t count, Kind kind, uint64_t seed) {
  const std::vector<uint8_t> noise = Noise(count * sizeof(uint32_t), seed);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, noise.data() + i * sizeof(bits), sizeof(bits));
    values[i] = ValueOf(bits, kind);
  }
  return values;
}

std::string NameOf(Kind kind) {
  constexpr const char* kNames[] = {"unit", "wide", "zeros", "negative", "subnormal", "hostile"};
  return kNames[static_cast<int>(kind)];
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (CanonicalBitsF32(BitsOfF32(a[i])) != CanonicalBitsF32(BitsOfF32(b[i]))) return false;
  }
  return true;
}

}  // namespace quipu::test
