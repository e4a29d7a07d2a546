// One thread an element of up to 16 bytes: the target is written in order, which is what a device's
// memory likes. Where the source lies across, tiles go through shared memory.
#include "kernels/copy/copy_cuda.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"
#include "support/quick_division.h"

namespace quipu {
namespace {

struct DeviceCopy {
  Copy of;
  QuickDivisor divisors[kRankMax];
};

// `Index` holds every product of sizes here; with 32 bits division is quick.
template <class Element, class Index>
__global__ void __launch_bounds__(kGridThreads)
    CopyKernel(const __grid_constant__ DeviceCopy job, int64_t count) {
  const Copy& of = job.of;
  for (int64_t i = GridFirst(); i < count; i += GridStride()) {
    auto rest = static_cast<Index>(i);
    int64_t from = 0;
    int64_t to = 0;
    for (int32_t axis = of.rank - 1; axis > 0; --axis) {
      const auto size = static_cast<Index>(of.shape[axis]);
      Index quotient;
      if constexpr (sizeof(Index) == sizeof(uint32_t)) {
        quotient = job.divisors[axis].Quotient(rest);
      } else {
        quotient = rest / size;
      }
      const auto at = static_cast<int64_t>(rest - quotient * size);
      from += at * of.from_stride[axis];
      to += at * of.to_stride[axis];
      rest = quotient;
    }
    from += static_cast<int64_t>(rest) * of.from_stride[0];
    to += static_cast<int64_t>(rest) * of.to_stride[0];
    static_cast<Element*>(of.to)[to] = static_cast<const Element*>(of.from)[from];
  }
}

constexpr int kTile = 32;
constexpr int kTileThreads = 256;
constexpr int kTileRows = kTileThreads / kTile;  // at a time

// Matrices whose rows in the target are columns in the source.
struct Transposes {
  Copy outer;           // one element a matrix
  int64_t rows;         // of the target; neighbours in the source
  int64_t columns;      // of the target; there they are neighbours
  int64_t from_column;  // elements between columns in the source
  int64_t to_row;       // and between rows in the target
  int64_t tiles_down;
  int64_t tiles_across;
  int64_t tiles;  // of all matrices
};

template <class Element>
__global__ void __launch_bounds__(kTileThreads) TransposeKernel(Transposes job) {
  __shared__ Element tile[kTile][kTile + 1];  // one more, so that a column is in all banks
  const int lane = static_cast<int>(threadIdx.x) % kTile;
  const int first = static_cast<int>(threadIdx.x) / kTile;
  for (int64_t t = blockIdx.x; t < job.tiles; t += gridDim.x) {
    const int64_t above = t / job.tiles_across;
    int64_t matrix = above / job.tiles_down;
    const int64_t row = (above - matrix * job.tiles_down) * kTile;
    const int64_t column = (t - above * job.tiles_across) * kTile;
    const Element* from = static_cast<const Element*>(job.outer.from);
    Element* to = static_cast<Element*>(job.outer.to);
    for (int32_t axis = job.outer.rank - 1; axis >= 0; --axis) {
      const int64_t at = axis == 0 ? matrix : matrix % job.outer.shape[axis];
      if (axis > 0) matrix /= job.outer.shape[axis];
      from += at * job.outer.from_stride[axis];
      to += at * job.outer.to_stride[axis];
    }
    // To the ends of the matrix.
    const int64_t rows = job.rows - row, columns = job.columns - column;
    from += (column + first) * job.from_column + row + lane;
    QUIPU_UNROLL
    for (int k = 0; k < kTile; k += kTileRows) {
      if (lane < rows && first + k < columns) tile[first + k][lane] = from[k * job.from_column];
    }
    __syncthreads();
    to += (row + first) * job.to_row + column + lane;
    QUIPU_UNROLL
    for (int k = 0; k < kTile; k += kTileRows) {
      if (first + k < rows && lane < columns) to[k * job.to_row] = tile[lane][first + k];
    }
    __syncthreads();  // the tile is read by all before the next one is written
  }
}

template <class Element>
__global__ void __launch_bounds__(kGridThreads)
    FillKernel(Element* to, Element bits, int64_t count) {
  for (int64_t i = GridFirst(); i < count; i += GridStride()) to[i] = bits;
}

// Two neighbours that both sides keep together become one element, as often as that can be.
void Widen(Copy* job) {
  const int32_t last = job->rank - 1;
  const auto places = reinterpret_cast<uintptr_t>(job->from) | reinterpret_cast<uintptr_t>(job->to);
  while (job->element_bytes < 16 && job->from_stride[last] == 1 && job->to_stride[last] == 1) {
    int64_t odd = job->shape[last];
    for (int32_t axis = 0; axis < last; ++axis) {
      odd |= job->from_stride[axis] | job->to_stride[axis];
    }
    if (odd % 2 != 0 || places % (2 * static_cast<uintptr_t>(job->element_bytes)) != 0) return;
    job->element_bytes *= 2;
    job->shape[last] /= 2;
    for (int32_t axis = 0; axis < last; ++axis) {
      job->from_stride[axis] /= 2;
      job->to_stride[axis] /= 2;
    }
  }
}

// Whether the copy transposes matrices large enough for tiles.
bool FindTransposes(const Copy& job, Transposes* found) {
  constexpr int64_t kSideMin = 8;
  const int32_t last = job.rank - 1;
  if (job.to_stride[last] != 1 || job.from_stride[last] == 1 || job.shape[last] < kSideMin) {
    return false;
  }
  for (int32_t axis = 0; axis < last; ++axis) {
    if (job.from_stride[axis] != 1 || job.shape[axis] < kSideMin) continue;
    *found = Transposes{
        job, job.shape[axis], job.shape[last], job.from_stride[last], job.to_stride[axis], 0, 0, 0};
    found->outer.rank = 0;
    int64_t matrices = 1;
    for (int32_t other = 0; other < last; ++other) {
      if (other == axis) continue;
      const int32_t at = found->outer.rank++;
      found->outer.shape[at] = job.shape[other];
      found->outer.from_stride[at] = job.from_stride[other];
      found->outer.to_stride[at] = job.to_stride[other];
      matrices *= job.shape[other];
    }
    found->tiles_down = (found->rows + kTile - 1) / kTile;
    found->tiles_across = (found->columns + kTile - 1) / kTile;
    found->tiles = matrices * found->tiles_down * found->tiles_across;
    return true;
  }
  return false;
}

template <class Element>
cudaError_t LaunchCopyOf(const Copy& job, cudaStream_t stream) {
  const int64_t count = CopyCount(job);
  Transposes transposes;
  if (FindTransposes(job, &transposes)) {
    QUIPU_CUDA_START(TransposeKernel<Element>, UsefulBlocks(transposes.tiles), kTileThreads, stream,
                     transposes);
    return cudaGetLastError();
  }
  DeviceCopy copy = {job, {}};
  for (int32_t axis = 0; axis < job.rank; ++axis) {
    copy.divisors[axis] = QuickDivisorOf(job.shape[axis]);
  }
  if (count <= INT32_MAX) {
    QUIPU_CUDA_START((CopyKernel<Element, uint32_t>), GridBlocks(count), kGridThreads, stream, copy,
                     count);
  } else {
    QUIPU_CUDA_START((CopyKernel<Element, uint64_t>), GridBlocks(count), kGridThreads, stream, copy,
                     count);
  }
  return cudaGetLastError();
}

template <class Element>
cudaError_t LaunchFillOf(void* to, uint64_t bits, int64_t count, cudaStream_t stream) {
  QUIPU_CUDA_START(FillKernel<Element>, GridBlocks(count), kGridThreads, stream,
                   static_cast<Element*>(to), static_cast<Element>(bits), count);
  return cudaGetLastError();
}

}  // namespace

cudaError_t LaunchCopy(const Copy& job, cudaStream_t stream) {
  Copy merged = MergedCopy(job);
  if (CopyCount(merged) == 0) return cudaSuccess;
  Widen(&merged);
  merged = MergedCopy(merged);  // an axis of two may have become one of one
  switch (merged.element_bytes) {
    case 1:
      return LaunchCopyOf<uint8_t>(merged, stream);
    case 2:
      return LaunchCopyOf<uint16_t>(merged, stream);
    case 4:
      return LaunchCopyOf<uint32_t>(merged, stream);
    case 8:
      return LaunchCopyOf<uint64_t>(merged, stream);
    default:
      return LaunchCopyOf<uint4>(merged, stream);
  }
}

cudaError_t LaunchFill(void* to, int32_t element_bytes, uint64_t bits, int64_t count,
                       cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  switch (element_bytes) {
    case 1:
      return LaunchFillOf<uint8_t>(to, bits, count, stream);
    case 2:
      return LaunchFillOf<uint16_t>(to, bits, count, stream);
    case 4:
      return LaunchFillOf<uint32_t>(to, bits, count, stream);
    default:
      return LaunchFillOf<uint64_t>(to, bits, count, stream);
  }
}

}  // namespace quipu
