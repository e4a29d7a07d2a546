// Pooling: the portable kernels against plain loops over a list of what a window sees; every other
// backend and the emulated device against the portable kernels, with strides, dilations, windows
// that see only padding, ties, zeros of either sign and NaN.
#include <cuda_runtime_api.h>

#include <cmath>
#include <limits>

#include "dispatch/backend.h"
#include "kernels/pool/pool_cuda.h"
#include "test/check.h"
#include "test/hard_floats.h"

namespace quipu::test {
namespace {

constexpr int64_t kPlanes = 5;

struct Shape {
  const char* name;
  Window window;
  int64_t pad_end[3];
};

// in, kernel, out, stride, dilation, pad
const Shape kShapes[] = {
    {"3 x 3 by 2",
     {{1, 15, 61}, {1, 3, 3}, {1, 8, 31}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1}},
     {0, 1, 1}},
    {"2 x 2 by 2", {{1, 8, 8}, {1, 2, 2}, {1, 4, 4}, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}}, {0, 0, 0}},
    {"3 x 3", {{1, 7, 40}, {1, 3, 3}, {1, 7, 40}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}}, {0, 1, 1}},
    {"5 x 4 by 3",
     {{1, 11, 90}, {1, 5, 4}, {1, 3, 30}, {1, 3, 3}, {1, 1, 1}, {0, 0, 1}},
     {0, 1, 1}},
    {"rounded up", {{1, 8, 36}, {1, 3, 3}, {1, 4, 18}, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}}, {0, 0, 0}},
    {"dilated", {{1, 20, 40}, {1, 3, 3}, {1, 12, 30}, {1, 1, 1}, {1, 4, 5}, {0, 0, 0}}, {0, 0, 0}},
    {"one row", {{1, 1, 200}, {1, 1, 50}, {1, 1, 76}, {1, 1, 2}, {1, 1, 1}, {0, 0, 0}}, {0, 0, 0}},
    {"depth", {{5, 6, 20}, {2, 3, 3}, {3, 6, 10}, {2, 1, 2}, {1, 1, 1}, {1, 1, 1}}, {1, 1, 1}},
    {"only padding",
     {{1, 2, 3}, {1, 2, 2}, {1, 9, 11}, {1, 1, 1}, {1, 3, 3}, {0, 5, 5}},
     {0, 5, 5}},
    {"the whole plane",
     {{1, 7, 7}, {1, 7, 7}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
     {0, 0, 0}},
};

struct Seen {
  float value;
  int64_t row_major;
  int64_t column_major;
};

// What a window sees, in order; `counted` is how many taps lie in the plane and its padding.
std::vector<Seen> Look(const Shape& shape, const std::vector<float>& x, int64_t plane,
                       const int64_t at[3], int64_t* counted) {
  const Window& window = shape.window;
  std::vector<Seen> seen;
  *counted = 0;
  for (int64_t i = 0; i < window.kernel[0]; ++i)
    for (int64_t j = 0; j < window.kernel[1]; ++j)
      for (int64_t k = 0; k < window.kernel[2]; ++k) {
        const int64_t tap[3] = {i, j, k};
        int64_t place[3];
        bool inside = true, counts = true;
        for (int axis = 0; axis < 3; ++axis) {
          place[axis] =
              at[axis] * window.stride[axis] - window.pad[axis] + tap[axis] * window.dilation[axis];
          inside = inside && place[axis] >= 0 && place[axis] < window.in[axis];
          counts = counts && place[axis] < window.in[axis] + shape.pad_end[axis];
        }
        if (counts) ++*counted;
        if (!inside) continue;
        const int64_t base = plane * VolumeOf(window.in);
        const int64_t row_major =
            base + (place[0] * window.in[1] + place[1]) * window.in[2] + place[2];
        const int64_t column_major =
            base + place[0] + window.in[0] * (place[1] + window.in[1] * place[2]);
        seen.push_back(Seen{x[static_cast<size_t>(row_major)], row_major, column_major});
      }
  return seen;
}

bool Above(float a, float b) {
  if (std::isnan(b)) return false;
  if (std::isnan(a)) return true;
  return a > b || (a == 0 && b == 0 && !std::signbit(a) && std::signbit(b));
}

struct Answers {
  std::vector<float> greatest, mean, padded_mean;
  std::vector<int64_t> row_major, column_major;
};

Answers Naive(const Shape& shape, const std::vector<float>& x) {
  const Window& window = shape.window;
  Answers answers;
  int64_t at[3];
  for (int64_t plane = 0; plane < kPlanes; ++plane)
    for (at[0] = 0; at[0] < window.out[0]; ++at[0])
      for (at[1] = 0; at[1] < window.out[1]; ++at[1])
        for (at[2] = 0; at[2] < window.out[2]; ++at[2]) {
          int64_t counted = 0;
          const std::vector<Seen> seen = Look(shape, x, plane, at, &counted);
          Seen best = {-std::numeric_limits<float>::infinity(), -1, -1};
          float sum = 0.0f;
          for (const Seen& one : seen) {
            if (best.row_major == -1 || Above(one.value, best.value)) best = one;
            sum += one.value;
          }
          answers.greatest.push_back(best.value);
          answers.row_major.push_back(best.row_major);
          answers.column_major.push_back(best.column_major);
          answers.mean.push_back(sum / static_cast<float>(seen.size()));
          answers.padded_mean.push_back(sum / static_cast<float>(counted));
        }
  return answers;
}

// As a device or a processor does it, in two calls.
template <class MaxKernel, class AverageKernel>
Answers Run(MaxKernel max, AverageKernel average, const Shape& shape, const std::vector<float>& x) {
  const auto count = static_cast<size_t>(kPlanes * VolumeOf(shape.window.out));
  Answers answers;
  for (std::vector<float>* y : {&answers.greatest, &answers.mean, &answers.padded_mean}) {
    y->assign(count, -7.0f);
  }
  for (std::vector<int64_t>* indices : {&answers.row_major, &answers.column_major}) {
    indices->assign(count, -7);
  }
  std::vector<float> again(count);
  for (int64_t begin : {int64_t{0}, int64_t{2}}) {
    const int64_t end = begin == 0 ? 2 : kPlanes;
    int64_t* const indices[] = {answers.row_major.data(), answers.column_major.data()};
    max(MaxPool{shape.window, x.data(), answers.greatest.data(), nullptr, false, begin, end});
    for (const bool column_major : {false, true}) {
      max(MaxPool{shape.window, x.data(), again.data(), indices[column_major], column_major, begin,
                  end});
    }
    AveragePool job = {shape.window, x.data(), answers.mean.data(), false, {}, begin, end};
    average(job);
    job.y = answers.padded_mean.data();
    job.count_padding = true;
    std::copy_n(shape.pad_end, 3, job.pad_end);
    average(job);
  }
  if (!SameFloats(again, answers.greatest)) answers.greatest.clear();
  return answers;
}

bool Same(const Answers& a, const Answers& b) {
  return SameFloats(a.greatest, b.greatest) && SameFloats(a.mean, b.mean) &&
         SameFloats(a.padded_mean, b.padded_mean) && a.row_major == b.row_major &&
         a.column_major == b.column_major;
}

void TestShape(const Shape& shape, uint32_t rarity, bool coarse) {
  std::vector<float> x =
      HardFloats(static_cast<size_t>(kPlanes * VolumeOf(shape.window.in)), 3, rarity);
  for (float& value : x) {
    if (coarse) value = std::trunc(value * 3);  // many ties, zeros of either sign among them
  }
  const std::string name = std::string("pool, ") + shape.name + (coarse ? ", ties: " : ": ");
  const Answers want = Run(MaxPoolF32Portable, AveragePoolF32Portable, shape, x);
  Check(Same(want, Naive(shape, x)), name + "portable, as plain loops");
  Check(Same(want, Run(
                       [](const MaxPool& job) {
                         LaunchMaxPoolF32(job, nullptr);
                         cudaStreamSynchronize(nullptr);
                       },
                       [](const AveragePool& job) {
                         LaunchAveragePoolF32(job, nullptr);
                         cudaStreamSynchronize(nullptr);
                       },
                       shape, x)),
        name + "CUDA");
#if QUIPU_X86
  if (BestCpuBackend() == Backend::kPortable) return Skip(name + "vectors", "none here");
  Check(Same(want, Run(MaxPoolF32Avx2, AveragePoolF32Avx2, shape, x)), name + "AVX2");
  if (BestCpuBackend() != Backend::kAvx512) return Skip(name + "AVX-512", "none here");
  Check(Same(want, Run(MaxPoolF32Avx512, AveragePoolF32Avx512, shape, x)), name + "AVX-512");
#endif
}

}  // namespace

void TestPool() {
  for (const Shape& shape : kShapes) {
    TestShape(shape, 40, false);
    TestShape(shape, 7, true);
    TestShape(shape, 1000000, true);
  }
}

}  // namespace quipu::test
