// Transposes on a device: tiles go through shared memory, so that both sides are read and written
// in order. Include only from .cu files.
#ifndef QUIPU_KERNELS_COPY_COPY_TRANSPOSES_H_
#define QUIPU_KERNELS_COPY_COPY_TRANSPOSES_H_

#include <cuda_runtime_api.h>

#include "kernels/copy/copy.h"
#include "support/cuda_grid.h"
#include "support/quads.h"
#include "support/quick_division.h"

namespace quipu {
namespace {

// A copy with what its sizes are divided by; below 2^31 elements.
struct DeviceCopy {
  Copy of;
  Divisor divisors[kRankMax];

  // How far an element is from the first one on either side.
  __device__ __forceinline__ void Locate(uint32_t element, int64_t* from, int64_t* to) const {
    *from = *to = 0;
    QUIPU_ROLLED
    for (int32_t axis = of.rank - 1; axis >= 0; --axis) {
      const uint32_t quotient = axis == 0 ? 0 : divisors[axis].Quotient(element);
      const int64_t at = divisors[axis].Rest(element, quotient);
      *from += at * of.from_stride[axis];
      *to += at * of.to_stride[axis];
      element = quotient;
    }
  }
};

DeviceCopy DeviceCopyOf(const Copy& job) {
  DeviceCopy copy = {job, {}};
  for (int32_t axis = 0; axis < job.rank; ++axis) copy.divisors[axis] = DivisorOf(job.shape[axis]);
  return copy;
}

constexpr int kTransposeThreads = 256;

// Matrices whose rows in the target are columns in the source.
struct Transposes {
  DeviceCopy outer;     // one element a matrix
  int64_t rows;         // of the target; neighbours in the source
  int64_t columns;      // of the target; there they are neighbours
  int64_t from_column;  // elements between columns in the source
  int64_t to_row;       // and between rows in the target
  bool is_of_fours;  // whatever is four neighbours from a multiple of four on is 16 bytes, aligned
  Divisor down, across;  // tiles
  int64_t tiles;         // of all matrices
};

// A tile of one matrix, or as much of it as the matrix has.
template <class Element, int kSide>
struct Tile {
  __device__ __forceinline__ Tile(const Transposes& job, uint32_t number) {
    const uint32_t above = job.across.Quotient(number);
    const uint32_t matrix = job.down.Quotient(above);
    const int64_t row = int64_t{job.down.Rest(above, matrix)} * kSide;
    const int64_t column = int64_t{job.across.Rest(number, above)} * kSide;
    int64_t from_matrix, to_matrix;
    job.outer.Locate(matrix, &from_matrix, &to_matrix);
    from = static_cast<const Element*>(job.outer.of.from) + from_matrix + row;
    from += column * job.from_column;
    to = static_cast<Element*>(job.outer.of.to) + to_matrix + row * job.to_row + column;
    rows = static_cast<int>(job.rows - row < kSide ? job.rows - row : kSide);
    columns = static_cast<int>(job.columns - column < kSide ? job.columns - column : kSide);
  }

  const Element* from;
  Element* to;
  int rows, columns;
};

constexpr int kSideOfOnes = 32, kSideOfFours = 64;

template <class Element>
__global__ void __launch_bounds__(kTransposeThreads)
    TransposeKernel(const __grid_constant__ Transposes job) {
  constexpr int kSide = kSideOfOnes, kLines = kTransposeThreads / kSide;
  __shared__ Element kept[kSide][kSide + 1];  // one more, so that a column is in all banks
  const int lane = static_cast<int>(threadIdx.x) % kSide;
  const int line = static_cast<int>(threadIdx.x) / kSide;
  for (int64_t t = blockIdx.x; t < job.tiles; t += gridDim.x) {
    const Tile<Element, kSide> tile(job, static_cast<uint32_t>(t));
    const Element* from = tile.from + line * job.from_column + lane;
    QUIPU_UNROLL
    for (int k = 0; k < kSide; k += kLines) {
      if (lane < tile.rows && line + k < tile.columns) {
        kept[line + k][lane] = from[k * job.from_column];
      }
    }
    __syncthreads();
    Element* to = tile.to + line * job.to_row + lane;
    QUIPU_UNROLL
    for (int k = 0; k < kSide; k += kLines) {
      if (line + k < tile.rows && lane < tile.columns) to[k * job.to_row] = kept[lane][line + k];
    }
    __syncthreads();  // the tile is read by all before the next one is written
  }
}

// Elements of 4 bytes, 16 bytes an access on both sides.
__global__ void __launch_bounds__(kTransposeThreads)
    TransposeFoursKernel(const __grid_constant__ Transposes job) {
  constexpr int kSide = kSideOfFours, kLanes = kSide / kFour, kLines = kTransposeThreads / kLanes;
  constexpr int kTimes = kSide / kLines;
  __shared__ uint32_t kept[kSide][kSide + 1];
  const int lane = static_cast<int>(threadIdx.x) % kLanes * kFour;
  const int line = static_cast<int>(threadIdx.x) / kLanes;
  for (int64_t t = blockIdx.x; t < job.tiles; t += gridDim.x) {
    const Tile<uint32_t, kSide> tile(job, static_cast<uint32_t>(t));
    const uint32_t* from = tile.from + line * job.from_column + lane;
    uint32_t fours[kTimes][kFour] = {};
    QUIPU_UNROLL
    for (int k = 0; k < kTimes; ++k) {
      if (lane >= tile.rows || line + k * kLines >= tile.columns) continue;
      LoadQuad(from + k * kLines * job.from_column, fours[k]);
    }
    QUIPU_UNROLL
    for (int k = 0; k < kTimes; ++k) {
      uint32_t* to = kept[line + k * kLines] + lane;
      QUIPU_UNROLL
      for (int i = 0; i < kFour; ++i) to[i] = fours[k][i];
    }
    __syncthreads();
    uint32_t* to = tile.to + line * job.to_row + lane;
    QUIPU_UNROLL
    for (int k = 0; k < kTimes; ++k) {
      const int row = line + k * kLines;
      if (row >= tile.rows || lane >= tile.columns) continue;
      const uint32_t four[kFour] = {kept[lane][row], kept[lane + 1][row], kept[lane + 2][row],
                                    kept[lane + 3][row]};
      StoreQuad(four, to + k * kLines * job.to_row);
    }
    __syncthreads();  // the tile is read by all before the next one is written
  }
}

// Whether all fours of both sides are aligned and whole.
bool IsOfFours(const Copy& outer, int64_t odd) {
  const auto places =
      reinterpret_cast<uintptr_t>(outer.from) | reinterpret_cast<uintptr_t>(outer.to);
  for (int32_t axis = 0; axis < outer.rank; ++axis) {
    odd |= outer.from_stride[axis] | outer.to_stride[axis];
  }
  return outer.element_bytes == 4 && odd % kFour == 0 && places % 16 == 0;
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
    Copy outer = job;
    outer.rank = 0;
    int64_t matrices = 1;
    for (int32_t other = 0; other < last; ++other) {
      if (other == axis) continue;
      const int32_t at = outer.rank++;
      outer.shape[at] = job.shape[other];
      outer.from_stride[at] = job.from_stride[other];
      outer.to_stride[at] = job.to_stride[other];
      matrices *= job.shape[other];
    }
    const int64_t rows = job.shape[axis], columns = job.shape[last];
    const int64_t from_column = job.from_stride[last], to_row = job.to_stride[axis];
    const bool is_of_fours = IsOfFours(outer, rows | columns | from_column | to_row);
    const int64_t side = is_of_fours ? kSideOfFours : kSideOfOnes;
    const int64_t down = (rows + side - 1) / side, across = (columns + side - 1) / side;
    *found = {DeviceCopyOf(outer),
              rows,
              columns,
              from_column,
              to_row,
              is_of_fours,
              DivisorOf(down),
              DivisorOf(across),
              matrices * down * across};
    return found->tiles <= INT32_MAX;
  }
  return false;
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_COPY_COPY_TRANSPOSES_H_
