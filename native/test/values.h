// Numbers for the tests of tensor kernels, easy and hard ones, the same in every run; and whether
// two results are the same bits.
#ifndef QUIPU_TEST_VALUES_H_
#define QUIPU_TEST_VALUES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace quipu::test {

enum class Kind {
  kUnit,       // between -1 and 1
  kWide,       // of all sizes, most of which vanish beside others
  kZeros,      // +0 and -0
  kNegative,   // below zero, and -0
  kSubnormal,  // and zeros
  kHostile,    // now and then an infinity or NaN among others
};
constexpr Kind kKinds[] = {Kind::kUnit,     Kind::kWide,      Kind::kZeros,
                           Kind::kNegative, Kind::kSubnormal, Kind::kHostile};

std::vector<float> Values(size_t count, Kind kind, uint64_t seed = 1);
std::string NameOf(Kind kind);

// All NaN are equal, other values if their bits are.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace quipu::test

#endif  // QUIPU_TEST_VALUES_H_
