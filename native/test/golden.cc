#include "test/golden.h"

#include <fstream>
#include <map>

#include "kernels/math/canonical.h"

namespace quipu::test {
namespace {

const std::map<std::string, DType> kDTypes = {
    {"float32", DType::kF32}, {"uint8", DType::kU8},      {"int8", DType::kI8},
    {"int32", DType::kI32},   {"int64", DType::kI64},     {"bool", DType::kBool},
    {"float16", DType::kF16}, {"bfloat16", DType::kBf16},
};

const std::map<std::string, Opcode> kOpcodes = {
    {"map", Opcode::kMap},
    {"reduce", Opcode::kReduce},
    {"softmax", Opcode::kSoftmax},
    {"normalise", Opcode::kNormalise},
    {"copy", Opcode::kCopy},
    {"gather", Opcode::kGather},
    {"gatherElements", Opcode::kGatherElements},
    {"gatherNd", Opcode::kGatherNd},
    {"scatterElements", Opcode::kScatterElements},
    {"scatterNd", Opcode::kScatterNd},
    {"scan", Opcode::kScan},
    {"convolution", Opcode::kConvolution},
    {"pool", Opcode::kPool},
    {"trees", Opcode::kTrees},
};

void Append(uint64_t bits, size_t size, std::vector<uint8_t>* bytes) {
  for (size_t i = 0; i < size; ++i) bytes->push_back(static_cast<uint8_t>(bits >> (8 * i)));
}

std::vector<uint8_t> ByBits(const std::string& digits, DType dtype) {
  const size_t size = DTypeBytes(dtype);
  std::vector<uint8_t> bytes;
  for (size_t at = 0; at + 2 * size <= digits.size(); at += 2 * size) {
    Append(std::stoull(digits.substr(at, 2 * size), nullptr, 16), size, &bytes);
  }
  return bytes;
}

std::vector<uint8_t> ByFormula(const std::string& formula, uint64_t seed, int64_t count,
                               DType dtype) {
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = MixedWord(seed, i);
    if (dtype == DType::kF32) bits = FloatBitsBy(formula, static_cast<uint32_t>(bits));
    if (dtype == DType::kBool) bits &= 1;
    if (dtype == DType::kI64) {
      bits = MixedWord(seed, 2 * i) | static_cast<uint64_t>(MixedWord(seed, 2 * i + 1)) << 32;
    }
    Append(bits, DTypeBytes(dtype), &bytes);
  }
  return bytes;
}

// Takes the lines of one file.
class Reader {
 public:
  void Take(const std::string& line) {
    if (const auto name = ValueOf(line, "name")) {
      vectors.emplace_back().name = *name;
    } else if (vectors.empty()) {
      return;
    } else if (const auto opcode = ValueOf(line, "operator")) {
      vectors.back().opcode = kOpcodes.at(*opcode);
    } else if (const auto list = ListOf(line)) {
      list_ = *list;
    } else if (const auto dtype = ValueOf(line, "dtype")) {
      dtype_ = kDTypes.at(*dtype);
    } else if (const auto count = ValueOf(line, "count")) {
      count_ = std::stoll(*count);
    } else if (const auto formula = ValueOf(line, "formula")) {
      formula_ = *formula;
    } else if (const auto seed = ValueOf(line, "seed")) {
      Add(ByFormula(formula_, std::stoull(*seed), count_, dtype_));
    } else if (const auto bits = ValueOf(line, "bits")) {
      Add(ByBits(*bits, dtype_));
    } else if (list_ == "words" && line.find_first_of("0123456789") != std::string::npos) {
      vectors.back().words.push_back(std::stoll(line));
    }
  }

  std::vector<OperatorVector> vectors;

 private:
  static std::optional<std::string> ListOf(const std::string& line) {
    for (const char* key : {"words", "inputs", "outputs"}) {
      if (ValueOf(line, key)) return key;
    }
    return std::nullopt;
  }

  void Add(std::vector<uint8_t> bytes) {
    OperatorVector& vector = vectors.back();
    (list_ == "inputs" ? vector.inputs : vector.outputs).push_back({dtype_, std::move(bytes)});
  }

  std::string list_, formula_;
  DType dtype_ = DType::kF32;
  int64_t count_ = 0;
};

}  // namespace

std::optional<std::string> ValueOf(const std::string& line, const std::string& key) {
  const size_t at = line.find("\"" + key + "\": ");
  if (at == std::string::npos) return std::nullopt;
  std::string value = line.substr(at + key.size() + 4);
  if (!value.empty() && value.back() == ',') value.pop_back();
  if (value.size() < 2 || value.front() != '"') return value;
  return value.substr(1, value.size() - 2);
}

uint32_t MixedWord(uint64_t seed, int64_t i) {
  uint32_t h = static_cast<uint32_t>(seed) + static_cast<uint32_t>(i) * 0x9e3779b9u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

uint32_t FloatBitsBy(const std::string& formula, uint32_t word) {
  const auto with_exponent = [word](uint32_t biased) {
    return (word & 0x807fffffu) | biased << 23;
  };
  if (formula == "wide") return with_exponent(87 + ((word >> 23) & 63));
  if (formula == "tiny") return with_exponent(52 + ((word >> 23) & 15));
  if (formula == "near") {
    return BitsOfF32(static_cast<float>(8388608 - 262144 + (word >> 13)) / 8388608.0f);
  }
  if (formula != "unit") return word;
  return BitsOfF32(static_cast<float>(static_cast<int32_t>(word >> 8) - 8388608) / 8388608.0f);
}

std::vector<OperatorVector> ReadOperatorVectors(const std::string& file) {
  std::ifstream lines("test/vectors/canonical-1/" + file + ".json");
  Reader reader;
  for (std::string line; std::getline(lines, line);) reader.Take(line);
  return std::move(reader.vectors);
}

}  // namespace quipu::test
