// Softmax: the portable kernel against the definition step by step, every other backend and the
// emulated device against the portable one.
#include <iterator>
#include <string>

#include "dispatch/backend.h"
#include "kernels/lanes/floats1.h"
#include "kernels/math/logarithm.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax_cuda.h"
#include "support/aligned.h"
#include "test/check.h"
#include "test/values.h"

namespace quipu::test {
namespace {

struct Case {
  int64_t rows, length;
  bool logarithm, stream;
};

// Room before the result, so that it need not begin where a line of memory does.
constexpr size_t kLead = 5;

float ReduceRow(const std::vector<float>& row, ReduceFunction function) {
  float value = 0;
  ReducePortable({row.data(), &value, 1, static_cast<int64_t>(row.size()), 1, 1}, function,
                 DType::kF32);
  return value;
}

void Naive(const Softmax& job, float*) {
  for (int64_t row = 0; row < job.rows; ++row) {
    const float* from = job.from + row * job.length;
    float* to = job.to + row * job.length;
    std::vector<float> line(from, from + job.length);
    const float most = ReduceRow(line, ReduceFunction::kMaximum);
    for (float& x : line) x = ExpF32::Of<Floats1>(x - most);
    const float sum = ReduceRow(line, ReduceFunction::kSum);
    const float inverse = 1.0f / sum;
    const float log = LogF32::Of<Floats1>(sum);
    for (int64_t i = 0; i < job.length; ++i) {
      to[i] = job.logarithm ? (from[i] - most) - log : line[static_cast<size_t>(i)] * inverse;
    }
  }
}

void SoftmaxEmulated(const Softmax& job, float*) {
  if (LaunchSoftmaxF32(job, nullptr) == cudaSuccess) (void)cudaStreamSynchronize(nullptr);
}

std::vector<Case> Cases() {
  std::vector<Case> cases = {{0, 5, false, true}, {2, kSoftmaxScratchLength + 3, false, true}};
  // Rows that a device holds in a warp, in four, and no longer, each full, all but, and just not.
  for (const int64_t length : {255, 256, 257, 1023, 1024, 1025, 2500, 4095, 4096}) {
    cases.push_back({5, length, length % 2 == 0, false});
  }
  for (const int64_t length : {0, 1, 2, 15, 16, 17, 63, 64, 65, 200, 1000, 4097}) {
    for (const bool logarithm : {false, true}) {
      for (const bool stream : {false, true}) {
        cases.push_back({length > 100 ? 2 : 6, length, logarithm, stream});
      }
    }
  }
  return cases;
}

// Numbers that exp tells apart: those of most kinds are too close to their largest.
std::vector<float> Inputs(const Case& each, Kind kind) {
  std::vector<float> from = Values(static_cast<size_t>(each.rows * each.length), kind, 31);
  for (float& x : from) x *= kind == Kind::kUnit ? 60.0f : 1.0f;
  return from;
}

std::vector<float> Run(SoftmaxF32 kernel, const Case& each, const std::vector<float>& from) {
  const AlignedArray<float> scratch = AllocateAligned<float>(kSoftmaxScratchLength);
  std::vector<float> to(from.size() + kLead, 7);
  kernel({from.data(), to.data() + kLead, each.rows, each.length, each.logarithm, each.stream},
         scratch.get());
  return to;
}

void TestAgainst(SoftmaxF32 truth, SoftmaxF32 kernel, const std::string& name,
                 const std::vector<Kind>& kinds = {std::begin(kKinds), std::end(kKinds)}) {
  for (const Kind kind : kinds) {
    bool ok = true;
    for (const Case& each : Cases()) {
      const std::vector<float> from = Inputs(each, kind);
      ok = ok && SameBits(Run(truth, each, from), Run(kernel, each, from));
    }
    Check(ok, "softmax: " + name + ", values " + NameOf(kind));
  }
}

void TestInPlace(SoftmaxF32 kernel, const std::string& name) {
  bool ok = true;
  for (const Case& each : {Case{4, 100, false, true}, Case{4, 100, true, false}}) {
    std::vector<float> both = Inputs(each, Kind::kUnit);
    std::vector<float> want = Run(kernel, each, both);
    want.erase(want.begin(), want.begin() + kLead);
    const AlignedArray<float> scratch = AllocateAligned<float>(kSoftmaxScratchLength);
    kernel({both.data(), both.data(), each.rows, each.length, each.logarithm, each.stream},
           scratch.get());
    ok = ok && SameBits(both, want);
  }
  Check(ok, "softmax: " + name + ", where it lies");
}

// Sums to 1, near enough: the definition itself is right.
void TestMeaning() {
  const Case each{3, 1000, false, false};
  const std::vector<float> to = Run(SoftmaxF32Portable, each, Inputs(each, Kind::kUnit));
  bool ok = true;
  for (size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (size_t i = 0; i < 1000; ++i) sum += to[kLead + row * 1000 + i];
    ok = ok && sum > 0.99999 && sum < 1.00001;
  }
  Check(ok, "softmax: rows sum to 1");
}

}  // namespace

void TestSoftmax() {
  TestMeaning();
  TestAgainst(Naive, SoftmaxF32Portable, "the portable kernel is the definition");
  TestAgainst(SoftmaxF32Portable, SoftmaxEmulated, "CUDA gives the same bits",
              {Kind::kUnit, Kind::kHostile});
#if QUIPU_X86
  if (BestCpuBackend() >= Backend::kAvx2) {
    TestAgainst(SoftmaxF32Portable, SoftmaxF32Avx2, "AVX2 gives the same bits");
    TestInPlace(SoftmaxF32Avx2, "AVX2");
  }
  if (BestCpuBackend() >= Backend::kAvx512) {
    TestAgainst(SoftmaxF32Portable, SoftmaxF32Avx512, "AVX-512 gives the same bits");
    TestInPlace(SoftmaxF32Avx512, "AVX-512");
  }
#endif
}

}  // namespace quipu::test
