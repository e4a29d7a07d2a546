// Random jobs for kernels, the same in every run.
#ifndef QUIPU_TEST_RANDOM_H_
#define QUIPU_TEST_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace quipu::test {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}

  // From least to most, both included.
  int64_t Between(int64_t least, int64_t most) {
    const auto width = static_cast<uint64_t>(most - least) + 1;
    return least + static_cast<int64_t>(engine_() % width);
  }

 private:
  std::mt19937_64 engine_;
};

// Numbers that meet in few values, and one in four of those that arithmetic finds hardest.
inline std::vector<float> HardNumbers(size_t count, Random* random) {
  static const uint32_t hard[] = {0x00000000, 0x80000000, 0x7fc00000, 0xff800001, 0x7f800000,
                                  0xff800000, 0x00000001, 0x807fffff, 0x7f7fffff, 0x00800000};
  std::vector<float> numbers(count);
  for (float& number : numbers) {
    if (random->Between(0, 3) == 0) {
      std::memcpy(&number, &hard[random->Between(0, 9)], sizeof(number));
    } else {
      number = static_cast<float>(random->Between(-9, 9)) / 7;
    }
  }
  return numbers;
}

}  // namespace quipu::test

#endif  // QUIPU_TEST_RANDOM_H_
