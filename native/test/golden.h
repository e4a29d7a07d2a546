// The golden vectors in test/vectors/canonical-1, read line by line, as their generator writes
// them: what all of them share, and those of whole operators. Their meaning: docs/arithmetic.md,
// "Golden vectors".
#ifndef QUIPU_TEST_GOLDEN_H_
#define QUIPU_TEST_GOLDEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "program/format.h"
#include "quipu/views.h"

namespace quipu::test {

// What follows `"key": ` on a line, without quotes and comma; nothing when it is another line.
std::optional<std::string> ValueOf(const std::string& line, const std::string& key);

// The word of element i.
uint32_t MixedWord(uint64_t seed, int64_t i);

// Bits of the binary32 that a formula makes of a word.
uint32_t FloatBitsBy(const std::string& formula, uint32_t word);

struct GoldenOperand {
  DType dtype;
  std::vector<uint8_t> bytes;  // little-endian

  int64_t elements() const { return static_cast<int64_t>(bytes.size() / DTypeBytes(dtype)); }
};

struct OperatorVector {
  std::string name;
  Opcode opcode;
  std::vector<int64_t> words;
  std::vector<GoldenOperand> inputs, outputs;
};

// Nothing where the file is not there.
std::vector<OperatorVector> ReadOperatorVectors(const std::string& file);

}  // namespace quipu::test

#endif  // QUIPU_TEST_GOLDEN_H_
