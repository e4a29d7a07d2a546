// Many output channels: the tiles of the matrix product, its right-hand matrix gathered from the
// image. Few: one thread an output, since most of a tile would be empty.
#include "kernels/convolution/convolution_cuda.h"
#include "kernels/matmul/matmul_split.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

constexpr int64_t kDirectChannelsMax = 16;

// The group of an image that a matrix is.
__device__ Convolution GroupOf(const ConvolutionGrid& grid, int64_t matrix) {
  const int64_t group = matrix % grid.groups;
  Convolution job = grid.one;
  job.x += matrix * job.in_channels * VolumeOf(job.in);
  job.w += group * job.out_channels * DepthOf(job);
  job.y += matrix * job.out_channels * VolumeOf(job.out);
  return job;
}

QUIPU_HOST_DEVICE static inline Matmul ProductOf(const Convolution& job) {
  const int64_t k = DepthOf(job);
  const int64_t positions = VolumeOf(job.out);
  return Matmul{job.w, nullptr, job.y, k, positions, positions, job.out_channels, positions, k};
}

// Neighbouring threads have neighbouring positions, of the four that each fetches.
struct WindowColumns {
  static constexpr int kApart = 32;
  const ConvolutionGrid& grid;
  const float* x;
  uint32_t first_k;
  ConvolutionPlace corners[4];

  __device__ void Fetch(int64_t p, float into[4]) const {
    const ConvolutionPlace tap = TapAt(grid.one, first_k + static_cast<uint32_t>(p));
    QUIPU_UNROLL
    for (int i = 0; i < 4; ++i) into[i] = InputAt(grid.one, x, tap, corners[i]);
  }
};

// kInQuads: four neighbours of a row of weights are one load.
template <bool kInQuadsOfWeights>
struct WindowProblem {
  static constexpr bool kInQuads = kInQuadsOfWeights;
  ConvolutionGrid grid;

  __device__ Matmul Of(int64_t matrix) const { return ProductOf(GroupOf(grid, matrix)); }
  __device__ WindowColumns Columns(int64_t matrix, int64_t column, int64_t first_k) const {
    const Convolution job = GroupOf(grid, matrix);
    WindowColumns columns = {grid, job.x, static_cast<uint32_t>(first_k), {}};
    QUIPU_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int64_t position = column + threadIdx.x % 32 + i * WindowColumns::kApart;
      columns.corners[i] = CornerAt(job, Least(position, VolumeOf(job.out) - 1));
    }
    return columns;
  }
};

__global__ void __launch_bounds__(kGridThreads) ConvolutionDirectKernel(ConvolutionGrid grid) {
  const int64_t positions = VolumeOf(grid.one.out);
  const int64_t count = grid.images * grid.groups * grid.one.out_channels * positions;
  const uint32_t k = static_cast<uint32_t>(DepthOf(grid.one));
  for (int64_t i = GridFirst(); i < count; i += GridStride()) {
    const int64_t row = i / positions;
    const Convolution job = GroupOf(grid, row / grid.one.out_channels);
    const float* w = job.w + row % job.out_channels * k;
    const ConvolutionPlace corner = CornerAt(job, i % positions);
    float total = 0.0f;
    for (uint32_t start = 0; start < k; start += kDotBlock) {
      const uint32_t end = k - start < kDotBlock ? k : start + kDotBlock;
      float sum = 0.0f;
      for (uint32_t p = start; p < end; ++p) {
        sum = FusedF32(w[p], InputAt(job, job.x, TapAt(job, p), corner), sum);
      }
      total = start == 0 ? sum : total + sum;
    }
    grid.one.y[i] = total;
  }
}

}  // namespace

int64_t ConvolutionScratchFloats(const ConvolutionGrid& job) {
  if (job.one.out_channels <= kDirectChannelsMax) return 0;
  return TileScratchFloats(ProductOf(job.one), job.images * job.groups);
}

cudaError_t LaunchConvolutionF32(const ConvolutionGrid& job, float* scratch, cudaStream_t stream) {
  if (DepthOf(job.one) > INT32_MAX) return cudaErrorInvalidValue;
  const int64_t matrices = job.images * job.groups;
  if (job.one.out_channels > kDirectChannelsMax) {
    const Matmul product = ProductOf(job.one);
    if (InQuads(product.a, product.a_stride, 0)) {
      return LaunchMatmulTiles(WindowProblem<true>{job}, product, matrices, scratch, stream);
    }
    return LaunchMatmulTiles(WindowProblem<false>{job}, product, matrices, scratch, stream);
  }
  const int64_t count = matrices * job.one.out_channels * VolumeOf(job.one.out);
  if (count == 0) return cudaSuccess;
  QUIPU_CUDA_START(ConvolutionDirectKernel, GridBlocks(count), kGridThreads, stream, job);
  return cudaGetLastError();
}

}  // namespace quipu
