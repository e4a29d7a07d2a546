// What the native unit tests say, one line a check, in the Test Anything Protocol.
#ifndef QUIPU_TEST_CHECK_H_
#define QUIPU_TEST_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace quipu::test {

void Check(bool ok, const std::string& name);
void Skip(const std::string& name, const std::string& why);

// Bytes that no kernel finds easy, the same in every run.
std::vector<uint8_t> Noise(size_t size, uint64_t seed = 1);

// Each file of tests, called by main.
void TestBlake3();
void TestSha256();
void TestMerkle();
void TestDevice();
void TestFiles();
void TestMap();
void TestMapChains();
void TestNormalise();
void TestReduce();
void TestScan();
void TestFunctions();
void TestFunctionErrors();
void TestSoftmax();
void TestFunctionVectors();
void TestOperatorVectors();
void TestCudaKernels();
void TestCudaProgram();
void TestFastProducts();
void TestMatmul();
void TestConvolution();
void TestPool();
void TestCopy();
void TestGather();
void TestScatter();
void TestTreeEnsembles();
void TestStopping();

// The named functions of one binary32, or all, on every input: minutes each. Whether all is well,
// as an exit status.
int CheckAllFunctions(const std::vector<std::string>& names);

}  // namespace quipu::test

#endif  // QUIPU_TEST_CHECK_H_
