// The golden vectors of functions of binary32, test/vectors/canonical-1/functions.json, on every
// backend of the processor and on the emulated device. The file is read line by line, as its
// generator writes it.
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "kernels/map/map_cuda.h"
#include "kernels/math/canonical.h"
#include "support/cpu_features.h"
#include "test/check.h"

namespace quipu::test {
namespace {

constexpr const char* kPath = "test/vectors/canonical-1/functions.json";

struct Vector {
  std::string name;
  uint16_t function = 0;
  int64_t count = 0;
  std::vector<std::vector<uint32_t>> operands;
  std::vector<uint32_t> result;
};

// What follows `"key": ` on a line, without quotes and comma; nothing when it is another line.
std::string ValueOf(const std::string& line, const std::string& key) {
  const size_t at = line.find("\"" + key + "\": ");
  if (at == std::string::npos) return "";
  std::string value = line.substr(at + key.size() + 4);
  while (!value.empty() && (value.back() == ',' || value.back() == '"')) value.pop_back();
  return value.substr(value.find_first_not_of('"'));
}

std::vector<uint32_t> Words(const std::string& text) {
  std::vector<uint32_t> words;
  for (size_t i = 0; i + 8 <= text.size(); i += 8) {
    words.push_back(static_cast<uint32_t>(std::strtoul(text.substr(i, 8).c_str(), nullptr, 16)));
  }
  return words;
}

// docs/arithmetic.md, "Golden vectors".
uint32_t ByFormula(const std::string& formula, uint32_t seed, int64_t i) {
  uint32_t h = seed + static_cast<uint32_t>(i) * 0x9e3779b9u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  h ^= h >> 16;
  if (formula == "unit") {
    return BitsOfF32(static_cast<float>(static_cast<int32_t>(h >> 8) - 8388608) / 8388608.0f);
  }
  if (formula == "wide") return (h & 0x807fffffu) | (87 + ((h >> 23) & 63)) << 23;
  return h;
}

std::vector<Vector> ReadVectors() {
  std::vector<Vector> vectors;
  std::ifstream file(kPath);
  std::string formula;
  for (std::string line; std::getline(file, line);) {
    if (const std::string name = ValueOf(line, "name"); !name.empty()) {
      vectors.emplace_back().name = name;
    } else if (const std::string number = ValueOf(line, "function"); !number.empty()) {
      vectors.back().function = static_cast<uint16_t>(std::stoi(number));
    } else if (const std::string count = ValueOf(line, "count"); !count.empty()) {
      vectors.back().count = std::stoll(count);
    } else if (const std::string bits = ValueOf(line, "bits"); !bits.empty()) {
      vectors.back().operands.push_back(Words(bits));
    } else if (const std::string kind = ValueOf(line, "formula"); !kind.empty()) {
      formula = kind;
    } else if (const std::string seed = ValueOf(line, "seed"); !seed.empty()) {
      std::vector<uint32_t>& words = vectors.back().operands.emplace_back();
      for (int64_t i = 0; i < vectors.back().count; ++i) {
        words.push_back(ByFormula(formula, static_cast<uint32_t>(std::stoul(seed)), i));
      }
    } else if (const std::string result = ValueOf(line, "result"); !result.empty()) {
      vectors.back().result = Words(result);
    }
  }
  return vectors;
}

// Null is the emulated device.
std::vector<uint32_t> Apply(const Vector& vector, MapRun run) {
  std::vector<uint32_t> result(static_cast<size_t>(vector.count));
  Map map = {};
  map.step_count = map.output_count = map.rank = 1;
  map.shape[0] = vector.count;
  map.input_count = static_cast<int32_t>(vector.operands.size());
  map.steps[0].function = vector.function;
  for (uint8_t i = 0; i < map.input_count; ++i) {
    map.inputs[i] = {vector.operands[i].data(), DType::kF32, {1}};
    map.steps[0].operands[i] = i;
  }
  map.outputs[0] = {result.data(), DType::kF32, static_cast<uint8_t>(map.input_count)};
  if (!MapIsSound(map)) return {};
  AssignMapSlots(&map);
  if (run != nullptr) {
    std::vector<uint8_t> scratch(MapScratchBytes(map));
    run(map, 0, vector.count, scratch.data());
  } else if (LaunchMap(map, nullptr) != cudaSuccess ||
             cudaStreamSynchronize(nullptr) != cudaSuccess) {
    return {};
  }
  for (uint32_t& word : result) word = CanonicalBitsF32(word);
  return result;
}

}  // namespace

void TestFunctionVectors() {
  const std::vector<Vector> vectors = ReadVectors();
  if (vectors.empty()) return Skip("function vectors", std::string("no ") + kPath + " here");
  for (const Vector& vector : vectors) {
    bool same =
        Apply(vector, MapPortable) == vector.result && Apply(vector, nullptr) == vector.result;
#if QUIPU_X86
    if (Cpu().avx2) same = same && Apply(vector, MapAvx2) == vector.result;
    if (Cpu().avx512) same = same && Apply(vector, MapAvx512) == vector.result;
#endif
    Check(same, "function vectors: " + vector.name);
  }
}

}  // namespace quipu::test
