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
#include "test/golden.h"

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

std::vector<uint32_t> Words(const std::string& text) {
  std::vector<uint32_t> words;
  for (size_t i = 0; i + 8 <= text.size(); i += 8) {
    words.push_back(static_cast<uint32_t>(std::strtoul(text.substr(i, 8).c_str(), nullptr, 16)));
  }
  return words;
}

std::vector<Vector> ReadVectors() {
  std::vector<Vector> vectors;
  std::ifstream file(kPath);
  std::string formula;
  for (std::string line; std::getline(file, line);) {
    if (const auto name = ValueOf(line, "name")) {
      vectors.emplace_back().name = *name;
    } else if (const auto number = ValueOf(line, "function")) {
      vectors.back().function = static_cast<uint16_t>(std::stoi(*number));
    } else if (const auto count = ValueOf(line, "count")) {
      vectors.back().count = std::stoll(*count);
    } else if (const auto bits = ValueOf(line, "bits")) {
      vectors.back().operands.push_back(Words(*bits));
    } else if (const auto kind = ValueOf(line, "formula")) {
      formula = *kind;
    } else if (const auto seed = ValueOf(line, "seed")) {
      std::vector<uint32_t>& words = vectors.back().operands.emplace_back();
      for (int64_t i = 0; i < vectors.back().count; ++i) {
        words.push_back(FloatBitsBy(formula, MixedWord(std::stoul(*seed), i)));
      }
    } else if (const auto result = ValueOf(line, "result")) {
      vectors.back().result = Words(*result);
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
  PlanMap(&map);
  if (run != nullptr) {
    std::vector<uint8_t> scratch(MapScratchBytes(map));
    run(map, MapPart{0, vector.count}, scratch.data());
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
