// The native unit tests: kernels against their portable twins below what JavaScript can reach, and
// devices that fail. Prints TAP; exits with 1 when a check failed. `native-test functions
// [NAME...]` checks elementary functions on all inputs instead.
#include <cstdio>

#include "test/check.h"

namespace quipu::test {
namespace {

int checks = 0;
int failures = 0;

}  // namespace

void Check(bool ok, const std::string& name) {
  ++checks;
  if (!ok) ++failures;
  std::printf("%sok %d - %s\n", ok ? "" : "not ", checks, name.c_str());
}

void Skip(const std::string& name, const std::string& why) {
  ++checks;
  std::printf("ok %d - %s # SKIP %s\n", checks, name.c_str(), why.c_str());
}

std::vector<uint8_t> Noise(size_t size, uint64_t seed) {
  std::vector<uint8_t> bytes(size);
  uint64_t state = seed * 0x9e3779b97f4a7c15;
  for (uint8_t& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<uint8_t>(state >> 32);
  }
  return bytes;
}

int Run() {
  TestBlake3();
  TestSha256();
  TestMerkle();
  TestDevice();
  TestFiles();
  TestMap();
  TestMapChains();
  TestNormalise();
  TestReduce();
  TestScan();
  TestFunctions();
  TestFunctionErrors();
  TestSoftmax();
  TestFunctionVectors();
  TestOperatorVectors();
  TestCudaKernels();
  TestCudaProgram();
  TestFastProducts();
  TestMatmul();
  TestConvolution();
  TestPool();
  TestCopy();
  TestGather();
  TestScatter();
  TestTreeEnsembles();
  TestStopping();
  std::printf("1..%d\n", checks);
  return failures == 0 ? 0 : 1;
}

}  // namespace quipu::test

int main(int count, char** words) {
  if (count > 1 && std::string(words[1]) == "functions") {
    return quipu::test::CheckAllFunctions({words + 2, words + count});
  }
  return quipu::test::Run();
}
