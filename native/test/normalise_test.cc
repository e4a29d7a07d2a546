// Normalisation: the portable kernel against the definition step by step, every other backend and
// the emulated device against the portable one.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "dispatch/backend.h"
#include "kernels/normalise/normalise_cuda.h"
#include "kernels/reduce/reduce.h"
#include "test/check.h"
#include "test/values.h"

namespace quipu::test {
namespace {

// What a job writes, with room before it, so that it need not begin where a line of memory does.
struct Results {
  std::vector<float> to, mean, inverse;

  bool operator==(const Results& other) const {
    return SameBits(to, other.to) && SameBits(mean, other.mean) && SameBits(inverse, other.inverse);
  }
};

struct Case {
  int64_t rows, length;
  NormaliseMode mode;
  bool scale, bias, moments, stream;
};

constexpr int64_t kChannels = 3, kFirstRow = 5;
constexpr size_t kLead = 3;

class Inputs {
 public:
  Inputs(const Case& of, Kind kind) : of_(of) {
    const auto places = static_cast<size_t>(std::max(of.length, kChannels));
    from_ = Values(static_cast<size_t>(of.rows * of.length), kind, 21);
    scale_ = Values(places, Kind::kUnit, 22);
    bias_ = Values(places, Kind::kUnit, 23);
  }

  Normalise Job(Results* results) const {
    results->to.assign(from_.size() + kLead, 7);
    results->mean.assign(static_cast<size_t>(of_.rows), 7);
    results->inverse = results->mean;
    return {from_.data(),
            of_.scale ? scale_.data() : nullptr,
            of_.bias ? bias_.data() : nullptr,
            results->to.data() + kLead,
            of_.moments ? results->mean.data() : nullptr,
            of_.moments ? results->inverse.data() : nullptr,
            of_.rows,
            of_.length,
            kFirstRow,
            kChannels,
            1e-5f,
            of_.mode,
            of_.stream};
  }

 private:
  const Case of_;
  std::vector<float> from_, scale_, bias_;
};

float ReduceRow(const std::vector<float>& row, ReduceFunction function) {
  float value = 0;
  ReducePortable({row.data(), &value, 1, static_cast<int64_t>(row.size()), 1, 1}, function,
                 DType::kF32);
  return value;
}

void Naive(const Normalise& job) {
  const float n = static_cast<float>(job.length);
  for (int64_t row = 0; row < job.rows; ++row) {
    const float* from = job.from + row * job.length;
    std::vector<float> line(from, from + job.length);
    const float mean = ReduceRow(line, ReduceFunction::kSum) / n;
    for (float& x : line) x = x - mean;
    const float variance = ReduceRow(line, ReduceFunction::kSumOfSquares) / n;
    const float inverse = 1.0f / std::sqrt(variance + job.epsilon);
    for (int64_t i = 0; i < job.length; ++i) {
      const int64_t at =
          job.mode == NormaliseMode::kByPlace ? i : (job.first_row + row) % job.channels;
      float y = line[static_cast<size_t>(i)] * inverse;
      if (job.scale != nullptr) y = y * job.scale[at];
      if (job.bias != nullptr) y = y + job.bias[at];
      job.to[row * job.length + i] = y;
    }
    if (job.mean != nullptr) job.mean[row] = mean;
    if (job.inverse_deviation != nullptr) job.inverse_deviation[row] = inverse;
  }
}

void NormaliseEmulated(const Normalise& job) {
  if (LaunchNormaliseF32(job, nullptr) == cudaSuccess) (void)cudaStreamSynchronize(nullptr);
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const int64_t length : {0, 1, 2, 15, 16, 17, 63, 64, 65, 200, 1024, 4097, 9000}) {
    for (int form = 0; form < 32; ++form) {
      if (length > 100 && form % 5 != 0) continue;
      cases.push_back({length > 1000 ? 2 : 6, length,
                       form & 1 ? NormaliseMode::kByPlace : NormaliseMode::kByChannel,
                       (form & 2) != 0, (form & 4) != 0, (form & 8) != 0, (form & 16) != 0});
    }
  }
  cases.push_back({0, 5, NormaliseMode::kByPlace, true, true, true, true});
  // Rows that a device holds in a warp, in four, and no longer, each full, all but, and just not.
  for (const int64_t length : {255, 256, 257, 1023, 1025, 2500, 4095, 4096}) {
    const bool is_even = length % 2 == 0;
    cases.push_back({5, length, is_even ? NormaliseMode::kByChannel : NormaliseMode::kByPlace, true,
                     true, true, false});
  }
  return cases;
}

void TestAgainst(NormaliseF32 truth, NormaliseF32 kernel, const std::string& name,
                 const std::vector<Kind>& kinds = {std::begin(kKinds), std::end(kKinds)}) {
  for (const Kind kind : kinds) {
    bool ok = true;
    for (const Case& each : Cases()) {
      const Inputs inputs(each, kind);
      Results want, got;
      truth(inputs.Job(&want));
      kernel(inputs.Job(&got));
      ok = ok && want == got;
    }
    Check(ok, "normalise: " + name + ", values " + NameOf(kind));
  }
}

void TestInPlace(NormaliseF32 kernel, const std::string& name) {
  const Inputs inputs({4, 100, NormaliseMode::kByPlace, true, true, true, true}, Kind::kUnit);
  Results want, got;
  Normalise job = inputs.Job(&want);
  kernel(job);
  std::vector<float> both(job.from, job.from + 400);
  job = inputs.Job(&got);
  job.from = job.to = both.data();
  kernel(job);
  want.to.erase(want.to.begin(), want.to.begin() + kLead);
  Check(SameBits(want.to, both), "normalise: " + name + ", where it lies");
}

}  // namespace

void TestNormalise() {
  TestAgainst(Naive, NormaliseF32Portable, "the portable kernel is the definition");
  TestAgainst(NormaliseF32Portable, NormaliseEmulated, "CUDA gives the same bits",
              {Kind::kUnit, Kind::kHostile});
#if QUIPU_X86
  if (BestCpuBackend() >= Backend::kAvx2) {
    TestAgainst(NormaliseF32Portable, NormaliseF32Avx2, "AVX2 gives the same bits");
    TestInPlace(NormaliseF32Avx2, "AVX2");
  }
  if (BestCpuBackend() >= Backend::kAvx512) {
    TestAgainst(NormaliseF32Portable, NormaliseF32Avx512, "AVX-512 gives the same bits");
    TestInPlace(NormaliseF32Avx512, "AVX-512");
  }
#endif
}

}  // namespace quipu::test
