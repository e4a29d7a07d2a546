// cuBLAS, opened by name when it is there.
#ifndef QUIPU_BENCH_DEVICE_CUBLAS_H_
#define QUIPU_BENCH_DEVICE_CUBLAS_H_

#include <cstdint>
#include <functional>

namespace quipu::bench {

// cublasComputeType_t
constexpr int kCublasF32 = 68, kCublasBf16 = 75, kCublasTf32 = 77;

// C = A × B of row-major matrices on the device, on `stream`; null where the library is missing.
std::function<void()> CublasProduct(const float* a, const float* b, float* c, int m, int n, int k,
                                    int compute, void* stream);

}  // namespace quipu::bench

#endif  // QUIPU_BENCH_DEVICE_CUBLAS_H_
