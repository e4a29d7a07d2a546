// The functions of one binary32 on all their inputs: every backend gives one digest, and the
// largest error in units of the last place beside the C library's binary64. The unit tests take a
// sample; `native-test functions [NAME...]`, which is `npm run test:functions`, takes all 2^32.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include "dispatch/hash_kernels.h"
#include "kernels/blake3/blake3_hasher.h"
#include "kernels/map/map.h"
#include "kernels/math/canonical.h"
#include "support/cpu_features.h"
#include "test/check.h"
#include "test/golden.h"

namespace quipu::test {
namespace {

struct Function {
  uint16_t number;
  const char* name;
  double (*truth)(double);
  double ulp_max;  // what docs/arithmetic.md says
};

double Sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
double Softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }
double SoftplusOf(double x) { return std::isnan(x) ? x : Softplus(x); }
double Reciprocal(double x) { return 1 / x; }

constexpr Function kFunctions[] = {
    {3, "sqrt", std::sqrt, 0.5},       {4, "reciprocal", Reciprocal, 0.5},
    {10, "exp", std::exp, 0.8},        {11, "expm1", std::expm1, 1.1},
    {12, "log", std::log, 1},          {13, "log1p", std::log1p, 1.3},
    {14, "tanh", std::tanh, 1.1},      {15, "sigmoid", Sigmoid, 2},
    {16, "erf", std::erf, 1.1},        {17, "sin", std::sin, 1.1},
    {18, "cos", std::cos, 1.1},        {19, "tan", std::tan, 2.2},
    {20, "asin", std::asin, 2.1},      {21, "acos", std::acos, 1.1},
    {22, "atan", std::atan, 1.3},      {23, "sinh", std::sinh, 1.6},
    {24, "cosh", std::cosh, 1.3},      {25, "asinh", std::asinh, 2},
    {26, "acosh", std::acosh, 2.1},    {27, "atanh", std::atanh, 1.1},
    {28, "softplus", SoftplusOf, 1.6},
};

// Infinite when one of the two is no number, is infinite, or is zero of a sign, and the other not.
double UlpsBetween(float got, double want) {
  if (std::isnan(got) || std::isnan(want)) {
    return std::isnan(got) == std::isnan(want) ? 0 : INFINITY;
  }
  if (std::signbit(got) != std::signbit(want)) return INFINITY;
  if (std::isinf(got) || std::isinf(static_cast<float>(want))) {
    return std::isinf(got) && std::fabs(want) > 0x1.fffffep127 ? 0 : INFINITY;
  }
  if (want == 0) return got == 0 ? 0 : INFINITY;
  const int exponent = std::max(std::ilogb(want), -126);
  return std::fabs(static_cast<double>(got) - want) / std::ldexp(1.0, exponent - 23);
}

blake3::Hasher NewHasher() { return blake3::Hasher(HashKernelsOf(BestCpuBackend()).blake3); }

struct Result {
  bool same = true;  // all backends
  double ulps = 0;
  uint32_t worst = 0;
  uint8_t digest[32] = {};
};

std::vector<float> Apply(MapRun run, uint16_t function, const std::vector<float>& inputs) {
  std::vector<float> outputs(inputs.size());
  Map map = {};
  map.input_count = map.step_count = map.output_count = map.rank = 1;
  map.shape[0] = static_cast<int64_t>(inputs.size());
  map.inputs[0] = {inputs.data(), DType::kF32, {1}};
  map.steps[0] = {function, {0, 0, 0}, 0};
  map.outputs[0] = {outputs.data(), DType::kF32, 1};
  PlanMap(&map);
  std::vector<uint8_t> scratch(MapScratchBytes(map));
  run(map, MapPart{0, map.shape[0]}, scratch.data());
  for (float& output : outputs) output = F32OfBits(CanonicalBitsF32(BitsOfF32(output)));
  return outputs;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Result CheckInputs(const Function& function, const std::vector<float>& inputs) {
  Result result;
  const std::vector<float> outputs = Apply(MapPortable, function.number, inputs);
#if QUIPU_X86
  for (const MapRun run : {Cpu().avx2 ? MapAvx2 : nullptr, Cpu().avx512 ? MapAvx512 : nullptr}) {
    if (run != nullptr) {
      result.same = result.same && SameBits(outputs, Apply(run, function.number, inputs));
    }
  }
#endif
  for (size_t i = 0; i < inputs.size(); ++i) {
    const double ulps = UlpsBetween(outputs[i], function.truth(static_cast<double>(inputs[i])));
    if (ulps > result.ulps) {
      result.ulps = ulps;
      result.worst = BitsOfF32(inputs[i]);
    }
  }
  blake3::Hasher hasher = NewHasher();
  hasher.Update({reinterpret_cast<const uint8_t*>(outputs.data()), outputs.size() * 4});
  hasher.Digest(0, result.digest, sizeof result.digest);
  return result;
}

void Merge(const Result& part, Result* all) {
  all->same = all->same && part.same;
  if (part.ulps <= all->ulps) return;
  all->ulps = part.ulps;
  all->worst = part.worst;
}

// All 2^32, by 256 shares of the same sign and similar exponent; the digest is that of their
// digests.
Result CheckAllInputs(const Function& function) {
  constexpr uint32_t kShares = 256, kShare = 1u << 24, kPiece = 1u << 20;
  std::vector<Result> results(kShares);
  std::atomic<uint32_t> next{0};
  const auto work = [&] {
    for (uint32_t share; (share = next++) < kShares;) {
      std::vector<float> inputs(kPiece);
      blake3::Hasher hasher = NewHasher();
      for (uint32_t start = 0; start < kShare; start += kPiece) {
        for (uint32_t i = 0; i < kPiece; ++i) inputs[i] = F32OfBits(share * kShare + start + i);
        const Result piece = CheckInputs(function, inputs);
        Merge(piece, &results[share]);
        hasher.Update({piece.digest, sizeof piece.digest});
      }
      hasher.Digest(0, results[share].digest, sizeof results[share].digest);
      std::fprintf(stderr, "\r%-10s %3u of %u ", function.name, share + 1, kShares);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) thread.join();
  Result all;
  blake3::Hasher hasher = NewHasher();
  for (const Result& result : results) {
    Merge(result, &all);
    hasher.Update({result.digest, sizeof result.digest});
  }
  hasher.Digest(0, all.digest, sizeof all.digest);
  return all;
}

std::string Hex(const uint8_t digest[32]) {
  std::string text;
  for (int i = 0; i < 32; ++i) {
    text += "0123456789abcdef"[digest[i] / 16];
    text += "0123456789abcdef"[digest[i] % 16];
  }
  return text;
}

constexpr const char* kGoldenPath = "test/vectors/canonical-1/function-digests.json";

// What all backends and devices have agreed on; empty where nothing is said of the function.
std::string GoldenDigest(const std::string& name) {
  std::ifstream file(kGoldenPath);
  for (std::string line; std::getline(file, line);) {
    if (const auto digest = ValueOf(line, name)) return *digest;
  }
  return "";
}

}  // namespace

void TestFunctionErrors() {
  std::vector<float> inputs;
  for (uint64_t bits = 0; bits < 1ull << 32; bits += 4099) {
    inputs.push_back(F32OfBits(static_cast<uint32_t>(bits)));
  }
  for (uint32_t exponent = 0; exponent < 512; ++exponent) {  // around each power of two
    for (const uint32_t beside : {0xffffffffu, 0u, 1u, 0x00400000u}) {
      inputs.push_back(F32OfBits((exponent << 23) + beside));
    }
  }
  for (const Function& function : kFunctions) {
    const Result result = CheckInputs(function, inputs);
    Check(result.same && result.ulps <= function.ulp_max, std::string("functions: ") +
                                                              function.name + ": one result, " +
                                                              std::to_string(result.ulps) + " ulp");
  }
}

int CheckAllFunctions(const std::vector<std::string>& names) {
  if (!std::ifstream(kGoldenPath)) {
    std::fprintf(stderr, "%s is not here: run this at the top of the checkout\n", kGoldenPath);
    return 1;
  }
  bool passed = true;
  for (const Function& function : kFunctions) {
    if (!names.empty() && std::find(names.begin(), names.end(), function.name) == names.end()) {
      continue;
    }
    const Result result = CheckAllInputs(function);
    const std::string digest = Hex(result.digest);
    const std::string golden = GoldenDigest(function.name);
    const bool as_ever = golden.empty() || golden == digest;
    const bool good = result.same && as_ever && result.ulps <= function.ulp_max;
    passed = passed && good;
    std::printf("\r%-10s %-6s %s%s  %.4f ulp at %08x  %s\n", function.name, good ? "ok" : "FAILED",
                result.same ? "all backends alike" : "backends differ",
                as_ever ? "" : ", not the golden digest", result.ulps, result.worst,
                digest.c_str());
    std::fflush(stdout);
  }
  return passed ? 0 : 1;
}

}  // namespace quipu::test
