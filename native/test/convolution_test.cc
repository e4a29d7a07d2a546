// Convolutions: the portable kernel against plain loops over an image that is really padded; every
// other backend and the emulated device against the portable kernel, with strides, dilations,
// groups, edges that are all padding, and ranges that begin and end anywhere.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>

#include "dispatch/backend.h"
#include "kernels/convolution/convolution_cuda.h"
#include "support/aligned.h"
#include "test/check.h"
#include "test/convolution_shapes.h"
#include "test/hard_floats.h"

namespace quipu::test {
namespace {

Convolution JobOf(const Shape& shape) {
  Convolution job = {};
  job.in_channels = shape.in_channels;
  job.out_channels = shape.out_channels;
  for (int axis = 0; axis < 3; ++axis) {
    job.in[axis] = shape.in[axis];
    job.kernel[axis] = shape.kernel[axis];
    job.stride[axis] = shape.stride[axis];
    job.dilation[axis] = shape.dilation[axis];
    job.pad[axis] = shape.pad[axis];
    const int64_t padded = shape.pad[axis] + shape.in[axis] + shape.pad_end[axis];
    const int64_t reach = (shape.kernel[axis] - 1) * shape.dilation[axis] + 1;
    job.out[axis] = (padded - reach) / shape.stride[axis] + 1;
  }
  job.end = VolumeOf(job.out);
  return job;
}

// Tiny numbers have products that round to zeros of either sign.
enum Hardness { kSpecial, kOrdinary, kTiny };

std::vector<float> Floats(int64_t count, uint64_t seed, Hardness hardness) {
  std::vector<float> all =
      HardFloats(static_cast<size_t>(count), seed, hardness == kSpecial ? 40 : 100000);
  for (float& one : all) one *= hardness == kTiny ? 1e-30f : 1.0f;
  return all;
}

// Tensors of `images` times `groups`.
struct Tensors {
  Tensors(const Convolution& job, int64_t images, int64_t groups, Hardness hardness)
      : x(Floats(images * groups * job.in_channels * VolumeOf(job.in), 1, hardness)),
        w(Floats(groups * job.out_channels * DepthOf(job), 2, hardness)),
        y(static_cast<size_t>(images * groups * job.out_channels * VolumeOf(job.out)), -7.0f) {}

  std::vector<float> x, w, y;
};

// Plain loops: a padded copy of the image, one output after the other, rounded once a step by the C
// library.
std::vector<float> Naive(const Convolution& job, const Tensors& tensors) {
  int64_t side[3], padded_elements = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t reach = (job.kernel[axis] - 1) * job.dilation[axis];
    side[axis] =
        std::max((job.out[axis] - 1) * job.stride[axis] + reach + 1, job.pad[axis] + job.in[axis]);
    padded_elements *= side[axis];
  }
  std::vector<float> padded(static_cast<size_t>(job.in_channels * padded_elements), 0.0f);
  size_t from = 0;
  for (int64_t c = 0; c < job.in_channels; ++c)
    for (int64_t d = 0; d < job.in[0]; ++d)
      for (int64_t h = 0; h < job.in[1]; ++h)
        for (int64_t w = 0; w < job.in[2]; ++w)
          padded[static_cast<size_t>(((c * side[0] + d + job.pad[0]) * side[1] + h + job.pad[1]) *
                                         side[2] +
                                     w + job.pad[2])] = tensors.x[from++];
  std::vector<float> y;
  for (int64_t o = 0; o < job.out_channels; ++o)
    for (int64_t d = 0; d < job.out[0]; ++d)
      for (int64_t h = 0; h < job.out[1]; ++h)
        for (int64_t w = 0; w < job.out[2]; ++w) {
          std::vector<float> blocks;
          const float* weight = tensors.w.data() + o * DepthOf(job);
          int64_t term = 0;
          for (int64_t c = 0; c < job.in_channels; ++c)
            for (int64_t i = 0; i < job.kernel[0]; ++i)
              for (int64_t j = 0; j < job.kernel[1]; ++j)
                for (int64_t k = 0; k < job.kernel[2]; ++k) {
                  if (term++ % 256 == 0) blocks.push_back(0.0f);
                  const int64_t z = d * job.stride[0] + i * job.dilation[0];
                  const int64_t r = h * job.stride[1] + j * job.dilation[1];
                  const int64_t s = w * job.stride[2] + k * job.dilation[2];
                  const auto at =
                      static_cast<size_t>(((c * side[0] + z) * side[1] + r) * side[2] + s);
                  blocks.back() = std::fma(*weight++, padded[at], blocks.back());
                }
          float total = blocks.empty() ? 0.0f : blocks[0];
          for (size_t b = 1; b < blocks.size(); ++b) total = total + blocks[b];
          y.push_back(total);
        }
  return y;
}

// The whole at once, or in ranges that begin and end anywhere and two parts of the output channels.
std::vector<float> Run(ConvolutionF32 kernel, const Convolution& shape, const Tensors& tensors,
                       bool in_parts) {
  const AlignedArray<uint8_t> scratch = AllocateAligned<uint8_t>(kConvolutionScratchBytes);
  std::vector<float> y(tensors.y);
  const int64_t positions = VolumeOf(shape.out);
  const int64_t step = in_parts ? std::max<int64_t>(positions / 3 + 1, 19) : positions;
  for (int64_t o = 0; o < shape.out_channels;) {
    const int64_t rows = in_parts && o == 0 ? (shape.out_channels + 1) / 2 : shape.out_channels - o;
    for (int64_t begin = 0; begin < positions; begin += step) {
      Convolution job = shape;
      job.x = tensors.x.data();
      job.w = tensors.w.data() + o * DepthOf(shape);
      job.y = y.data() + o * positions;
      job.out_channels = rows;
      job.begin = begin;
      job.end = std::min(positions, begin + step);
      kernel(job, reinterpret_cast<float*>(scratch.get()));
    }
    o += rows;
  }
  return y;
}

void TestShape(const Shape& shape) {
  const Convolution job = JobOf(shape);
  const std::string name = std::string("convolution, ") + shape.name + ": ";
  for (const Hardness hardness : {kSpecial, kOrdinary, kTiny}) {
    const Tensors tensors(job, 1, 1, hardness);
    const std::vector<float> want = Run(ConvolutionF32Portable, job, tensors, false);
    Check(SameFloats(want, Naive(job, tensors)), name + "portable, as plain loops");
    Check(SameFloats(want, Run(ConvolutionF32Portable, job, tensors, true)),
          name + "portable, in parts");
#if QUIPU_X86
    if (BestCpuBackend() == Backend::kPortable) {
      Skip(name + "vectors", "this processor has none");
      continue;
    }
    Check(SameFloats(want, Run(ConvolutionF32Avx2, job, tensors, false)), name + "AVX2");
    Check(SameFloats(want, Run(ConvolutionF32Avx2, job, tensors, true)), name + "AVX2, in parts");
    if (BestCpuBackend() != Backend::kAvx512) {
      Skip(name + "AVX-512", "this processor has none");
      continue;
    }
    Check(SameFloats(want, Run(ConvolutionF32Avx512, job, tensors, false)), name + "AVX-512");
    Check(SameFloats(want, Run(ConvolutionF32Avx512, job, tensors, true)),
          name + "AVX-512, in parts");
#endif
  }
}

// By the portable kernel, one group after the other.
std::vector<float> OneByOne(const Convolution& job, const Tensors& tensors, size_t images,
                            size_t groups) {
  const size_t x_group = tensors.x.size() / images / groups, w_group = tensors.w.size() / groups;
  const size_t y_group = tensors.y.size() / images / groups;
  std::vector<float> all;
  for (size_t matrix = 0; matrix < images * groups; ++matrix) {
    Tensors one(job, 0, 0, kOrdinary);
    one.x.assign(tensors.x.data() + matrix * x_group, tensors.x.data() + (matrix + 1) * x_group);
    one.w.assign(tensors.w.data() + matrix % groups * w_group,
                 tensors.w.data() + (matrix % groups + 1) * w_group);
    one.y.resize(y_group);
    const std::vector<float> part = Run(ConvolutionF32Portable, job, one, false);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// Three groups of one image in one call.
void TestGroups(const Shape& shape) {
  Convolution job = JobOf(shape);
  const Tensors tensors(job, 1, 3, kSpecial);
  const std::vector<float> want = OneByOne(job, tensors, 1, 3);
  job.groups = 3;
  const std::string name = std::string("convolution, ") + shape.name + ": three groups, ";
  Check(SameFloats(want, Run(ConvolutionF32Portable, job, tensors, false)), name + "portable");
#if QUIPU_X86
  if (BestCpuBackend() == Backend::kPortable) return;
  Check(SameFloats(want, Run(ConvolutionF32Avx2, job, tensors, false)), name + "AVX2");
  if (BestCpuBackend() != Backend::kAvx512) return;
  Check(SameFloats(want, Run(ConvolutionF32Avx512, job, tensors, false)), name + "AVX-512");
#endif
}

// With the weights in panels, in ranges that begin and end anywhere.
void TestRows(const Shape& shape) {
  Convolution job = JobOf(shape);
  if (!WindowsAreRows(job)) return;
#if QUIPU_X86
  const Tensors tensors(job, 1, 1, kSpecial);
  const std::vector<float> want = Run(ConvolutionF32Portable, job, tensors, false);
  const int64_t n = job.out_channels, taps = DepthOf(job);
  std::vector<float> turned(static_cast<size_t>(n * taps));
  for (int64_t i = 0; i < n * taps; ++i) {
    turned[static_cast<size_t>(i % taps * n + i / taps)] = tensors.w[static_cast<size_t>(i)];
  }
  const auto panels = AllocateAligned<float>(static_cast<size_t>(taps * MatmulPanelsColumns(n)));
  const auto check = [&](const char* backend, MatmulPackF32 pack, ConvolutionF32 kernel) {
    pack(Matmul{nullptr, turned.data(), nullptr, taps, n, n, 0, n, taps}, panels.get());
    std::vector<float> y(tensors.y);
    job.x = tensors.x.data();
    job.y = y.data();
    job.panels = {panels.get(), MatmulPanelsColumns(n), 0};
    const AlignedArray<uint8_t> scratch = AllocateAligned<uint8_t>(kConvolutionScratchBytes);
    for (job.begin = 0; job.begin < VolumeOf(job.out); job.begin = job.end) {
      job.end = std::min(VolumeOf(job.out), job.begin + 65);
      kernel(job, reinterpret_cast<float*>(scratch.get()));
    }
    Check(SameFloats(want, y), std::string("convolution, ") + shape.name + ": rows, " + backend);
  };
  if (BestCpuBackend() != Backend::kPortable) {
    check("AVX2", MatmulPackF32Avx2, ConvolutionF32Avx2);
  }
  if (BestCpuBackend() == Backend::kAvx512) {
    check("AVX-512", MatmulPackF32Avx512, ConvolutionF32Avx512);
  }
#endif
}

// Two images of two groups.
void TestDevice(const Shape& shape) {
  ConvolutionGrid grid = {JobOf(shape), 2, 2};
  Tensors tensors(grid.one, grid.images, grid.groups, kSpecial);
  const std::vector<float> want = OneByOne(grid.one, tensors, 2, 2);
  grid.one.x = tensors.x.data();
  grid.one.w = tensors.w.data();
  grid.one.y = tensors.y.data();
  grid.one.begin = grid.one.end = 0;
  std::vector<float> scratch(static_cast<size_t>(ConvolutionScratchFloats(grid)));
  const bool started = LaunchConvolutionF32(grid, scratch.data(), nullptr) == cudaSuccess;
  Check(started && cudaStreamSynchronize(nullptr) == cudaSuccess && SameFloats(want, tensors.y),
        std::string("convolution, ") + shape.name + ": CUDA, two images of two groups");
}

}  // namespace

void TestConvolution() {
  for (const Shape& shape : kShapes) {
    TestShape(shape);
    TestGroups(shape);
    TestRows(shape);
    TestDevice(shape);
  }
}

}  // namespace quipu::test
