#include <dlfcn.h>

#include "bench/peers.h"

namespace quipu::bench {
namespace {

void* Symbol(const char* name) {
  static void* const library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  return library == nullptr ? nullptr : dlsym(library, name);
}

using Sgemm = void (*)(int order, int transposed_a, int transposed_b, int m, int n, int k,
                       float alpha, const float* a, int a_stride, const float* b, int b_stride,
                       float beta, float* c, int c_stride);

}  // namespace

std::string OpenBlasCore() {
  const auto core = reinterpret_cast<char* (*)()>(Symbol("openblas_get_corename"));
  return core == nullptr ? "" : core();
}

void SetOpenBlasThreads(int threads) {
  const auto set = reinterpret_cast<void (*)(int)>(Symbol("openblas_set_num_threads"));
  if (set != nullptr) set(threads);
}

void AddOpenBlas(const Matmul& job, std::vector<Side>* sides) {
  const auto multiply = reinterpret_cast<Sgemm>(Symbol("cblas_sgemm"));
  if (multiply == nullptr) return;
  sides->push_back(
      Side{"OpenBLAS " + OpenBlasCore(), [=] {
             constexpr int kRowMajor = 101, kAsItIs = 111;
             multiply(kRowMajor, kAsItIs, kAsItIs, static_cast<int>(job.m), static_cast<int>(job.n),
                      static_cast<int>(job.k), 1.0f, job.a, static_cast<int>(job.a_stride), job.b,
                      static_cast<int>(job.b_stride), 0.0f, job.c, static_cast<int>(job.c_stride));
           }});
}

}  // namespace quipu::bench
