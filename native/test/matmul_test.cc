// Matrix products: the portable kernel against one dot product after the other; every other backend
// and the emulated device against the portable kernel, with sizes around every edge of a tile, a
// panel and a block, rows further apart than they are long, and nothing written beside C.
#include <cuda_runtime_api.h>

#include <cmath>

#include "dispatch/backend.h"
#include "kernels/matmul/matmul_cuda.h"
#include "support/aligned.h"
#include "test/check.h"
#include "test/hard_floats.h"

namespace quipu::test {
namespace {

struct Size {
  int64_t m, n, k;
};

const Size kSizes[] = {
    {1, 1, 1},       {1, 33, 700},    {3, 1030, 257},   {8, 40, 256},  {9, 15, 255},
    {13, 31, 256},   {14, 32, 257},   {15, 33, 512},    {28, 47, 3},   {29, 48, 300},
    {6, 17, 16},     {7, 16, 17},     {43, 100, 40},    {350, 70, 30}, {20, 1060, 30},
    {12, 20, 0},     {2, 20, 0},      {33, 49, 600},    {5, 36, 4600}, {9, 132, 516},
    {70, 260, 260},  {130, 8, 300},   {512, 512, 300},  {1, 132, 516}, {1, 256, 40},
    {64, 1536, 300}, {20, 2048, 300}, {200, 1027, 301},
};

// Elements between the end of a row and the next, such that rows that could be read by fours can.
int64_t GapOf(int64_t row) { return row % 4 == 0 ? 4 : 5; }

bool Launch(const MatmulStack& stack, bool has_scratch = true) {
  std::vector<float> scratch(static_cast<size_t>(MatmulScratchFloats(stack)));
  return LaunchMatmulF32(stack, has_scratch ? scratch.data() : nullptr, nullptr) == cudaSuccess &&
         cudaStreamSynchronize(nullptr) == cudaSuccess;
}

struct Product {
  Product(const Size& size, uint32_t rarity)
      : job{nullptr,
            nullptr,
            nullptr,
            size.k + GapOf(size.k),
            size.n + GapOf(size.n),
            size.n + GapOf(size.n),
            size.m,
            size.n,
            size.k} {
    a = HardFloats(static_cast<size_t>(job.m * job.a_stride), 1, rarity);
    b = HardFloats(static_cast<size_t>((job.k + 1) * job.b_stride), 2, rarity);
    job.a = a.data();
    job.b = b.data();
  }

  std::vector<float> Fresh() const {
    return std::vector<float>(static_cast<size_t>(job.m * job.c_stride), -7.0f);
  }

  std::vector<float> Run(MatmulF32 kernel) const {
    const AlignedArray<uint8_t> scratch = AllocateAligned<uint8_t>(kMatmulScratchBytes);
    std::vector<float> c = Fresh();
    Matmul mine = job;
    mine.c = c.data();
    kernel(mine, reinterpret_cast<float*>(scratch.get()));
    return c;
  }

  // With panels that are there already: whole, and as products with some of the columns.
  std::vector<float> RunPacked(MatmulPackF32 pack, MatmulF32 kernel) const {
    const int64_t columns = MatmulPanelsColumns(job.n);
    const AlignedArray<float> panels = AllocateAligned<float>(static_cast<size_t>(job.k * columns));
    pack(job, panels.get());
    const AlignedArray<uint8_t> scratch = AllocateAligned<uint8_t>(kMatmulScratchBytes);
    std::vector<float> c = Fresh();
    for (int64_t j = 0; j < job.n; j += kMatmulPanelColumns) {
      Matmul mine = job;
      mine.b = nullptr;
      mine.panels = {panels.get(), columns, j};
      mine.c = c.data() + j;
      mine.n = std::min(kMatmulPanelColumns, job.n - j);
      kernel(mine, reinterpret_cast<float*>(scratch.get()));
    }
    Matmul all = job;
    all.panels = {panels.get(), columns, 0};
    std::vector<float> whole = Fresh();
    all.c = whole.data();
    kernel(all, reinterpret_cast<float*>(scratch.get()));
    return SameFloats(c, whole) ? whole : std::vector<float>{};
  }

  std::vector<float> RunOnDevice(bool has_scratch) const {
    std::vector<float> c = Fresh();
    MatmulStack stack;
    stack.one = job;
    stack.one.c = c.data();
    return Launch(stack, has_scratch) ? c : std::vector<float>{};
  }

  std::vector<float> Naive() const {
    std::vector<float> c = Fresh();
    for (int64_t i = 0; i < job.m; ++i) {
      for (int64_t j = 0; j < job.n; ++j) {
        float total = 0.0f, sum = 0.0f;
        for (int64_t p = 0; p < job.k; ++p) {
          sum = std::fma(job.a[i * job.a_stride + p], job.b[p * job.b_stride + j], sum);
          if (p % 256 != 255 && p + 1 != job.k) continue;
          total = p < 256 ? sum : total + sum;
          sum = 0.0f;
        }
        c[static_cast<size_t>(i * job.c_stride + j)] = total;
      }
    }
    return c;
  }

  std::vector<float> a, b;
  Matmul job;
};

void TestSize(const Size& size, uint32_t rarity) {
  const std::string name = "matmul, " + std::to_string(size.m) + " x " + std::to_string(size.n) +
                           " x " + std::to_string(size.k) +
                           (rarity < 100 ? ", hard numbers: " : ": ");
  const Product product(size, rarity);
  const std::vector<float> want = product.Run(MatmulF32Portable);
  Check(SameFloats(want, product.Naive()), name + "portable, as plain loops");
  Check(SameFloats(want, product.RunOnDevice(true)), name + "CUDA");
  Check(SameFloats(want, product.RunOnDevice(false)), name + "CUDA, no room for parts");
#if QUIPU_X86
  if (BestCpuBackend() == Backend::kPortable) return Skip(name + "vectors", "none here");
  Check(SameFloats(want, product.Run(MatmulF32Avx2)), name + "AVX2");
  Check(SameFloats(want, product.RunPacked(MatmulPackF32Avx2, MatmulF32Avx2)),
        name + "AVX2, packed before");
  if (BestCpuBackend() != Backend::kAvx512) return Skip(name + "AVX-512", "none here");
  Check(SameFloats(want, product.Run(MatmulF32Avx512)), name + "AVX-512");
  Check(SameFloats(want, product.RunPacked(MatmulPackF32Avx512, MatmulF32Avx512)),
        name + "AVX-512, packed before");
#endif
}

// Two by three products: A repeats along the first axis, B along the second.
void TestStack(const Size& size) {
  const auto [m, n, k] = size;
  const std::vector<float> a = HardFloats(static_cast<size_t>(3 * m * k), 3, 50);
  const std::vector<float> b = HardFloats(static_cast<size_t>(2 * k * n), 4, 50);
  std::vector<float> want(static_cast<size_t>(6 * m * n)), got(want.size());
  MatmulStack stack{
      {a.data(), b.data(), got.data(), k, n, n, m, n, k}, 6, 2, {2, 3}, {0, 1}, {1, 0}};
  const AlignedArray<uint8_t> scratch = AllocateAligned<uint8_t>(kMatmulScratchBytes);
  for (int64_t i = 0; i < 6; ++i) {
    Matmul one = stack.one;
    one.a += i % 3 * m * k;
    one.b += i / 3 * k * n;
    one.c = want.data() + i * m * n;
    MatmulF32Portable(one, reinterpret_cast<float*>(scratch.get()));
  }
  Check(Launch(stack) && SameFloats(want, got), "matmul, a stack of " + std::to_string(m) + " x " +
                                                    std::to_string(n) + " x " + std::to_string(k) +
                                                    ": CUDA");
}

}  // namespace

void TestMatmul() {
  for (const Size& size : kSizes) {
    TestSize(size, 50);
    TestSize(size, 1000000);
  }
  for (const Size& size :
       {Size{3, 50, 600}, Size{20, 64, 520}, Size{20, 63, 522}, Size{40, 36, 0}}) {
    TestStack(size);
  }
}

}  // namespace quipu::test
