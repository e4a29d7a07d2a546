// Many output channels: the tiles of the matrix product, its right-hand matrix the image itself or
// gathered from it. Few: one thread an output, since most of a tile would be empty.
#include "kernels/convolution/convolution_cuda.h"
#include "kernels/matmul/matmul_cuda.h"
#include "kernels/matmul/matmul_split.h"
#include "support/cuda_grid.h"
#include "support/quick_division.h"

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

// A box of places, numbered row-major.
struct Box {
  Divisor sizes[3];

  // Takes a number apart into its place, and gives what is left.
  __device__ uint32_t Unravel(uint32_t number, int32_t at[3]) const {
    QUIPU_UNROLL
    for (int axis = 2; axis >= 0; --axis) {
      const uint32_t quotient = sizes[axis].Quotient(number);
      at[axis] = static_cast<int32_t>(sizes[axis].Rest(number, quotient));
      number = quotient;
    }
    return number;
  }
};

Box BoxOf(const int64_t size[3]) {
  Box box;
  for (int axis = 0; axis < 3; ++axis) box.sizes[axis] = DivisorOf(size[axis]);
  return box;
}

// Windows whose places are all numbers of 32 bits.
struct Windows {
  int32_t in[3], stride[3], pad[3], dilation[3];
  Box kernel, out;
  int32_t in_volume;
  int32_t image;     // elements from one to the next
  int32_t together;  // images that make one product
};

// Whether they are for so many images together.
bool AreSmall(const ConvolutionGrid& grid, int64_t images) {
  const Convolution& job = grid.one;
  int64_t reach = DepthOf(job);
  for (int axis = 0; axis < 3; ++axis) {
    reach += job.out[axis] * job.stride[axis] + job.pad[axis];
    reach += job.kernel[axis] * job.dilation[axis];
  }
  const int64_t limit = INT32_MAX - reach;
  return reach < INT32_MAX && grid.groups * job.in_channels * VolumeOf(job.in) < limit / images &&
         VolumeOf(job.out) < limit / images;
}

Windows WindowsOf(const ConvolutionGrid& grid, int64_t together) {
  const Convolution& job = grid.one;
  Windows windows = {};
  for (int axis = 0; axis < 3; ++axis) {
    windows.in[axis] = static_cast<int32_t>(job.in[axis]);
    windows.stride[axis] = static_cast<int32_t>(job.stride[axis]);
    windows.pad[axis] = static_cast<int32_t>(job.pad[axis]);
    windows.dilation[axis] = static_cast<int32_t>(job.dilation[axis]);
  }
  windows.kernel = BoxOf(job.kernel);
  windows.out = BoxOf(job.out);
  windows.in_volume = static_cast<int32_t>(VolumeOf(job.in));
  windows.image = static_cast<int32_t>(grid.groups * job.in_channels) * windows.in_volume;
  windows.together = static_cast<int32_t>(together);
  return windows;
}

// Neighbouring threads have neighbouring positions, of the four that each fetches.
struct WindowColumns {
  static constexpr int kApart = 32;
  const Windows& windows;
  const float* x;
  uint32_t first_k;
  int32_t images[4];  // where they begin
  int32_t corners[4][3];

  __device__ void Fetch(int64_t p, float into[4]) const {
    int32_t tap[3];
    const uint32_t channel = windows.kernel.Unravel(first_k + static_cast<uint32_t>(p), tap);
    const int32_t plane = static_cast<int32_t>(channel) * windows.in_volume;
    QUIPU_UNROLL
    for (int axis = 0; axis < 3; ++axis) tap[axis] *= windows.dilation[axis];
    QUIPU_UNROLL
    for (int i = 0; i < 4; ++i) {
      int32_t place = 0;
      bool inside = true;
      QUIPU_UNROLL
      for (int axis = 0; axis < 3; ++axis) {
        const int32_t at = corners[i][axis] + tap[axis];
        inside = inside && static_cast<uint32_t>(at) < static_cast<uint32_t>(windows.in[axis]);
        place = place * windows.in[axis] + at;
      }
      into[i] = inside ? x[images[i] + plane + place] : 0.0f;
    }
  }
};

// A matrix is one group of as many images as are taken together, their positions one after another.
// kInQuads: four neighbours of a row of weights are one load.
template <bool kInQuadsOfWeights>
struct WindowProblem {
  static constexpr bool kInQuads = kInQuadsOfWeights;
  ConvolutionGrid grid;
  Windows windows;

  __device__ Matmul Of(int64_t matrix) const {
    const int64_t image = matrix / grid.groups * windows.together;
    Matmul job = ProductOf(GroupOf(grid, image * grid.groups + matrix % grid.groups));
    job.n *= windows.together;
    return job;
  }
  __device__ WindowColumns Columns(int64_t matrix, int64_t column, int64_t first_k) const {
    const int64_t image = matrix / grid.groups * windows.together;
    const Convolution job = GroupOf(grid, image * grid.groups + matrix % grid.groups);
    const int64_t last = VolumeOf(job.out) * windows.together - 1;
    WindowColumns columns = {windows, job.x, static_cast<uint32_t>(first_k), {}, {}};
    QUIPU_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int64_t position = column + threadIdx.x % 32 + i * WindowColumns::kApart;
      const uint32_t of =
          windows.out.Unravel(static_cast<uint32_t>(Least(position, last)), columns.corners[i]);
      columns.images[i] = static_cast<int32_t>(of) * windows.image;
      QUIPU_UNROLL
      for (int axis = 0; axis < 3; ++axis) {
        int32_t& corner = columns.corners[i][axis];
        corner = corner * windows.stride[axis] - windows.pad[axis];
      }
    }
    return columns;
  }
  __device__ int64_t Place(int64_t column) const {
    const int64_t volume = VolumeOf(grid.one.out);
    if (windows.together == 1) return column;
    const int64_t image = column / volume;
    return image * (grid.groups * grid.one.out_channels - 1) * volume + column;
  }
  __device__ bool InFours(const Matmul& job) const {
    return InQuads(job.c, VolumeOf(grid.one.out), 0);
  }
};

// Whether each window is one input, and the next window the next input.
bool WindowsAreInputs(const Convolution& job) {
  bool all = true;
  for (int axis = 0; axis < 3; ++axis) {
    all = all && job.kernel[axis] == 1 && job.stride[axis] == 1 && job.pad[axis] == 0 &&
          job.in[axis] == job.out[axis];
  }
  return all;
}

// Of such windows.
MatmulStack StackOf(const ConvolutionGrid& job) {
  MatmulStack stack;
  stack.one = ProductOf(job.one);
  stack.one.b = job.one.x;
  stack.matrices = job.images * job.groups;
  stack.rank = 2;
  stack.shape[0] = job.images;
  stack.shape[1] = job.groups;
  stack.a_stride[1] = 1;
  stack.b_stride[0] = job.groups;
  stack.b_stride[1] = 1;
  return stack;
}

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

// How the device takes it: as products with the positions of so many images each; as a stack of
// products with the images as they are; or, with none together, each output by itself.
struct ConvolutionPlan {
  int64_t together = 0;
  bool is_stack = false;
};

ConvolutionPlan PlanOf(const ConvolutionGrid& grid) {
  constexpr int64_t kManyPositions = 512;  // of which few are left over in the last tile
  if (grid.one.out_channels <= kDirectChannelsMax || grid.images == 0 || !AreSmall(grid, 1))
    return {};
  if (WindowsAreInputs(grid.one) &&
      (grid.images == 1 || VolumeOf(grid.one.out) >= kManyPositions)) {
    return {1, true};
  }
  return {AreSmall(grid, grid.images) ? grid.images : 1, false};
}

Matmul ShapeOf(const ConvolutionGrid& grid, const ConvolutionPlan& plan) {
  Matmul shape = ProductOf(grid.one);
  shape.n *= plan.together;
  return shape;
}

int64_t MatricesOf(const ConvolutionGrid& grid, const ConvolutionPlan& plan) {
  return grid.images / plan.together * grid.groups;
}

}  // namespace

int64_t ConvolutionScratchFloats(const ConvolutionGrid& job) {
  const ConvolutionPlan plan = PlanOf(job);
  if (plan.together == 0) return 0;
  if (plan.is_stack) return MatmulScratchFloats(StackOf(job));
  return TileScratchFloats(ShapeOf(job, plan), MatricesOf(job, plan));
}

cudaError_t LaunchConvolutionF32(const ConvolutionGrid& job, float* scratch, cudaStream_t stream) {
  if (DepthOf(job.one) > INT32_MAX) return cudaErrorInvalidValue;
  const ConvolutionPlan plan = PlanOf(job);
  if (plan.is_stack) return LaunchMatmulF32(StackOf(job), scratch, stream);
  if (plan.together > 0) {
    const Matmul shape = ShapeOf(job, plan);
    const int64_t matrices = MatricesOf(job, plan);
    const Windows windows = WindowsOf(job, plan.together);
    if (InQuads(shape.a, shape.a_stride, 0)) {
      const WindowProblem<true> problem{job, windows};
      return LaunchMatmulTiles(problem, shape, matrices, scratch, stream);
    }
    const WindowProblem<false> problem{job, windows};
    return LaunchMatmulTiles(problem, shape, matrices, scratch, stream);
  }
  const int64_t count = job.images * job.groups * job.one.out_channels * VolumeOf(job.one.out);
  if (count == 0) return cudaSuccess;
  QUIPU_CUDA_START(ConvolutionDirectKernel, GridBlocks(count), kGridThreads, stream, job);
  return cudaGetLastError();
}

}  // namespace quipu
