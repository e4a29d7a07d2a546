#include "bench/device_cublas.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace quipu::bench {
namespace {

using Handle = struct OpaqueCublas*;
using Create = int (*)(Handle*);
using SetStream = int (*)(Handle, void*);
using Multiply = int (*)(Handle, int transposed_a, int transposed_b, int m, int n, int k,
                         const void* alpha, const void* a, int a_type, int a_stride, const void* b,
                         int b_type, int b_stride, const void* beta, void* c, int c_type,
                         int c_stride, int compute, int algorithm);

void* Symbol(const char* name) {
  static void* const library = [] {
    void* opened = nullptr;
    for (const char* file : {"libcublas.so.13", "libcublas.so.12"}) {
      if (opened == nullptr) opened = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    }
    if (opened == nullptr) std::fprintf(stderr, "device-bench: no cuBLAS: %s\n", dlerror());
    return opened;
  }();
  return library == nullptr ? nullptr : dlsym(library, name);
}

void Demand(int result, const char* what) {
  if (result == 0) return;
  std::fprintf(stderr, "device-bench: %s says %d\n", what, result);
  std::exit(1);
}

Handle OpenCublas() {
  const auto create = reinterpret_cast<Create>(Symbol("cublasCreate_v2"));
  if (create == nullptr) return nullptr;
  Handle handle = nullptr;
  Demand(create(&handle), "cublasCreate");
  return handle;
}

}  // namespace

std::function<void()> CublasProduct(const float* a, const float* b, float* c, int m, int n, int k,
                                    int compute, void* stream) {
  static const Handle handle = OpenCublas();
  if (handle == nullptr) return nullptr;
  const auto multiply = reinterpret_cast<Multiply>(Symbol("cublasGemmEx"));
  Demand(reinterpret_cast<SetStream>(Symbol("cublasSetStream_v2"))(handle, stream),
         "cublasSetStream");
  return [=] {
    // It takes matrices by columns, and so sees ours transposed.
    constexpr int kAsItIs = 0, kBinary32 = 0, kAnyAlgorithm = -1;
    const float one = 1, zero = 0;
    Demand(multiply(handle, kAsItIs, kAsItIs, n, m, k, &one, b, kBinary32, n, a, kBinary32, k,
                    &zero, c, kBinary32, n, compute, kAnyAlgorithm),
           "cublasGemmEx");
  };
}

}  // namespace quipu::bench
