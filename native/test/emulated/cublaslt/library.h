// What the tests see of the library that stands in for cuBLASLt, and how they make it fail.
#ifndef QUIPU_TEST_EMULATED_CUBLASLT_LIBRARY_H_
#define QUIPU_TEST_EMULATED_CUBLASLT_LIBRARY_H_

namespace quipu::test {

struct EmulatedCublasLt {
  int alive = 0;      // objects that were made and not given back
  int proposals = 0;  // asked for
  int calls = 0;      // that multiply
  int faults = 0;     // of callers: what the real library would refuse, or suffer from
  int create_result = 0;
  int propose_result = 0;
  bool proposes_nothing = false;
};

// Of the test program; the library counts here.
__attribute__((visibility("default"))) extern EmulatedCublasLt emulated_cublaslt;

}  // namespace quipu::test

#endif  // QUIPU_TEST_EMULATED_CUBLASLT_LIBRARY_H_
