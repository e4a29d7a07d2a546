// Cumulative sums: every backend and the emulated device against sums written down one by one, and
// parts of the columns.
#include <cstring>
#include <string>

#include "dispatch/backend.h"
#include "kernels/scan/scan_cuda.h"
#include "test/check.h"
#include "test/values.h"

namespace quipu::test {
namespace {

struct Shape {
  int64_t outer, length, inner, inner_stride;
};

constexpr Shape kShapes[] = {{0, 4, 1, 1},    {3, 0, 1, 1},   {5, 1, 1, 1},     {9, 2, 1, 1},
                             {11, 100, 1, 1}, {4, 33, 1, 1},  {1, 10000, 1, 1}, {7, 5, 1, 3},
                             {2, 17, 3, 3},   {3, 9, 16, 16}, {2, 65, 70, 73}};

bool ScanEmulated(const Scan& job, DType dtype) {
  return LaunchScan(job, dtype, nullptr) == cudaSuccess &&
         cudaStreamSynchronize(nullptr) == cudaSuccess;
}

struct Named {
  const char* name;
  ScanRun run;
};

std::vector<Named> Backends() {
  std::vector<Named> backends = {{"portable", ScanPortable}, {"CUDA", ScanEmulated}};
#if QUIPU_X86
  if (BestCpuBackend() >= Backend::kAvx2) backends.push_back({"AVX2", ScanAvx2});
  if (BestCpuBackend() >= Backend::kAvx512) backends.push_back({"AVX-512", ScanAvx512});
#endif
  return backends;
}

template <class Number>
std::vector<Number> Naive(const Scan& job, const std::vector<Number>& from, Number fill) {
  std::vector<Number> to(from.size(), fill);
  for (int64_t o = 0; o < job.outer; ++o) {
    for (int64_t i = 0; i < job.inner; ++i) {
      std::vector<Number> totals = {Number{0}};
      for (int64_t j = 0; j < job.length; ++j) {
        const auto at = [&](int64_t n) {
          const int64_t place = job.reverse ? job.length - 1 - n : n;
          return static_cast<size_t>((o * job.length + place) * job.inner_stride + i);
        };
        totals.push_back(j == 0 ? from[at(0)] : totals.back() + from[at(j)]);
        to[at(j)] = job.exclusive ? totals[static_cast<size_t>(j)] : totals.back();
      }
    }
  }
  return to;
}

template <class Number, class Same>
bool Agrees(const Named& each, const std::vector<Number>& from, const Shape& shape, DType dtype,
            const Same& same) {
  bool ok = true;
  for (const int form : {0, 1, 2, 3}) {
    std::vector<Number> to(from.size(), Number{7});
    const Scan job{from.data(), to.data(),          shape.outer,     shape.length,
                   shape.inner, shape.inner_stride, (form & 1) != 0, (form & 2) != 0};
    ok = ok && each.run(job, dtype) && same(to, Naive(job, from, Number{7}));
  }
  return ok;
}

template <class Number>
bool IntegersAgree(const Named& each, const Shape& shape, DType dtype) {
  std::vector<Number> from(static_cast<size_t>(shape.outer * shape.length * shape.inner_stride));
  const std::vector<uint8_t> noise = Noise(from.size() * sizeof(Number), 2);
  if (!noise.empty()) std::memcpy(from.data(), noise.data(), noise.size());
  return Agrees(each, from, shape, dtype, std::equal_to());
}

}  // namespace

void TestScan() {
  for (const Named& each : Backends()) {
    bool floats = true, integers = !each.run(Scan{}, DType::kBool);
    for (const Shape& shape : kShapes) {
      const auto count = static_cast<size_t>(shape.outer * shape.length * shape.inner_stride);
      for (const Kind kind : kKinds) {
        floats = floats && Agrees(each, Values(count, kind), shape, DType::kF32, SameBits);
      }
      integers = integers && IntegersAgree<uint32_t>(each, shape, DType::kI32) &&
                 IntegersAgree<uint64_t>(each, shape, DType::kI64);
    }
    Check(floats, std::string("scan: ") + each.name + ", f32");
    Check(integers, std::string("scan: ") + each.name + ", integers");
  }
}

}  // namespace quipu::test
