// A row of the canonical order, by threads of a block. Include only from .cu files.
//
// Of short rows each has a warp to itself, two lanes a thread: no barrier is needed. The blocks of
// a long row are shared out among teams of 64 threads, a lane each.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_DEVICE_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_DEVICE_H_

#include <cuda_runtime_api.h>

#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

// How the threads of a block are shared out among rows. All of a block take as many rows as its
// first one has, because they wait for each other; those whose row is beyond the last one are not
// `live`, and read and write nothing.
template <int kThreadsOfRow, int kThreadsMin>
struct RowPlaces {
  static constexpr int kRowThreads = kThreadsOfRow;
  static constexpr int kThreads = kRowThreads < kThreadsMin ? kThreadsMin : kRowThreads;
  static constexpr int kRows = kThreads / kRowThreads;  // of a thread block

  // Thread blocks for so many rows; a block takes further ones in a stride over the grid.
  static int64_t Blocks(int64_t rows) { return UsefulBlocks((rows + kRows - 1) / kRows); }

  // The first row of a thread, the way to its next one, and the thread's place in the row.
  static __device__ int64_t First() {
    return static_cast<int64_t>(blockIdx.x) * kRows + threadIdx.x / kRowThreads;
  }
  static __device__ int64_t Step() { return static_cast<int64_t>(gridDim.x) * kRows; }
  static __device__ int Place() { return static_cast<int>(threadIdx.x % kRowThreads); }
  static __device__ bool More(int64_t row, int64_t rows) {
    return row - threadIdx.x / kRowThreads < rows;
  }
};

constexpr int kWarp = 32;

// Two lanes to each thread of a warp, lane l and lane l + 32; the result to all of them.
template <class Fold>
__device__ typename Fold::Value JoinLanes(typename Fold::Value low, typename Fold::Value high) {
  typename Fold::Value value = Fold::Join(low, high);
  QUIPU_UNROLL
  for (int half = kWarp / 2; half > 0; half /= 2) {
    value = Fold::Join(value, __shfl_xor_sync(0xffffffffu, value, half));
  }
  return value;
}

// A row of one block at most, each with a warp.
struct WarpRows : RowPlaces<kWarp, 256> {
  // Element j of the row is read(j).
  template <class Fold, class Read>
  static __device__ typename Fold::Value Reduce(int64_t length, bool live, typename Fold::Value*,
                                                const Read& read) {
    const int end = live ? static_cast<int>(length) : 0;
    typename Fold::Value low = Fold::Start(), high = Fold::Start();
    int j = Place();
    constexpr int kSome = 8;  // that are on their way together
    QUIPU_ROLLED
    for (; j - Place() + kSome * kWarp <= end; j += kSome * kWarp) {
      typename Fold::From some[kSome];
      QUIPU_UNROLL
      for (int k = 0; k < kSome; ++k) some[k] = read(j + k * kWarp);
      QUIPU_UNROLL
      for (int k = 0; k < kSome; ++k) {
        auto& lane = k % 2 == 0 ? low : high;
        lane = Fold::Take(lane, some[k], static_cast<uint32_t>(j + k * kWarp));
      }
    }
    QUIPU_ROLLED
    for (; j < end; j += kReduceLanes) {
      low = Fold::Take(low, read(j), static_cast<uint32_t>(j));
      const int other = j + kWarp;
      if (other < end) high = Fold::Take(high, read(other), static_cast<uint32_t>(other));
    }
    return JoinLanes<Fold>(low, high);
  }
};

// How `kTeams` teams share a row.
template <int kTeams>
struct RowTeams : RowPlaces<kTeams * kReduceLanes, 256> {
  using RowPlaces<kTeams * kReduceLanes, 256>::Place;

  // Element j of the row is read(j). All threads of a block call this together, with the same
  // length and kThreads values of shared memory; each gets the value of its row.
  template <class Fold, class Read>
  static __device__ typename Fold::Value Reduce(int64_t length, bool live,
                                                typename Fold::Value* shared, const Read& read) {
    if constexpr (!Fold::kOrdered) return ReduceAnyhow<Fold>(length, live, shared, read);
    const int lane = static_cast<int>(threadIdx.x % kReduceLanes);
    const int team = Place() / kReduceLanes;
    typename Fold::Value* mine = shared + threadIdx.x;
    Pairs<Fold> blocks;
    QUIPU_ROLLED
    for (int64_t at = 0; at < length; at += kTeams * kReduceBlock) {
      const int64_t begin = at + team * kReduceBlock;
      const int64_t end = length - begin < kReduceBlock ? length : begin + kReduceBlock;
      typename Fold::Value value = Fold::Start();
      for (int64_t j = live ? begin + lane : end; j < end; j += kReduceLanes) {
        value = Fold::Take(value, read(j), static_cast<uint32_t>(j));
      }
      *mine = value;
      __syncthreads();
      QUIPU_ROLLED
      for (int half = kReduceLanes / 2; half > 0; half /= 2) {
        if (lane < half) *mine = Fold::Join(*mine, mine[half]);
        __syncthreads();
      }
      QUIPU_ROLLED
      for (int t = 0; t < kTeams && at + t * kReduceBlock < length; ++t) {
        blocks.Take(shared[threadIdx.x - Place() + t * kReduceLanes]);
      }
      __syncthreads();  // all have read them before they are written again
    }
    return blocks.Result();
  }

 private:
  // Where the order of the row does not matter.
  template <class Fold, class Read>
  static __device__ typename Fold::Value ReduceAnyhow(int64_t length, bool live,
                                                      typename Fold::Value* shared,
                                                      const Read& read) {
    typename Fold::Value value = Fold::Start();
    for (int64_t j = live ? Place() : length; j < length; j += kTeams * kReduceLanes) {
      value = Fold::Take(value, read(j), static_cast<uint32_t>(j));
    }
    typename Fold::Value* mine = shared + threadIdx.x;
    *mine = value;
    __syncthreads();
    QUIPU_ROLLED
    for (int half = kTeams * kReduceLanes / 2; half > 0; half /= 2) {
      if (Place() < half) *mine = Fold::Join(*mine, mine[half]);
      __syncthreads();
    }
    value = shared[threadIdx.x - Place()];
    __syncthreads();  // all have read it before it is written again
    return value;
  }
};

// Calls `with` with the teams for rows of this length, which is more than a block.
template <class With>
void WithTeams(int64_t length, const With& with) {
  if (length < 16 * kReduceBlock) return with(RowTeams<4>());
  with(RowTeams<16>());
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_DEVICE_H_
