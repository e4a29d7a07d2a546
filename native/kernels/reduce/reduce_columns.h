// Long columns of the canonical order. Include only from .cu files.
//
// Sixteen neighbouring columns to two teams of 256 threads: a thread has four lanes of one column,
// 16 apart. The blocks of a column are shared out among the teams.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_COLUMNS_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_COLUMNS_H_

#include <cuda_runtime_api.h>

#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"

namespace quipu {
namespace {

constexpr int kColumns = 16, kColumnGroups = 16, kColumnTeams = 2;
constexpr int kColumnThreads = kColumns * kColumnGroups * kColumnTeams;
constexpr int64_t kColumnLengthMin = 256;  // shorter ones are not worth the barriers

// Of the elements group, group + 16, ... below `count`, in a column.
template <class Fold>
__device__ typename Fold::Value ReduceColumnGroup(const typename Fold::From* from, int64_t stride,
                                                  int group, int count) {
  constexpr int kLanes = kReduceLanes / kColumnGroups, kSome = 4 * kLanes;
  typename Fold::Value lanes[kLanes] = {Fold::Start(), Fold::Start(), Fold::Start(), Fold::Start()};
  const int64_t step = stride * kColumnGroups;
  from += stride * group;
  int j = group;
  QUIPU_ROLLED
  for (; j + (kSome - 1) * kColumnGroups < count; j += kSome * kColumnGroups) {
    typename Fold::From some[kSome];  // on their way together
    QUIPU_UNROLL
    for (int k = 0; k < kSome; ++k, from += step) some[k] = *from;
    QUIPU_UNROLL
    for (int k = 0; k < kSome; ++k) lanes[k % kLanes] = Fold::Take(lanes[k % kLanes], some[k], 0);
  }
  QUIPU_ROLLED
  for (; j < count; j += kReduceLanes) {
    QUIPU_UNROLL
    for (int k = 0; k < kLanes; ++k, from += step) {
      if (j + k * kColumnGroups < count) lanes[k] = Fold::Take(lanes[k], *from, 0);
    }
  }
  return Fold::Join(Fold::Join(lanes[0], lanes[2]), Fold::Join(lanes[1], lanes[3]));
}

template <class Fold>
__global__ void __launch_bounds__(kColumnThreads, 2) ReduceColumnsKernel(Reduce job) {
  __shared__ typename Fold::Value shared[kColumnThreads];
  const int thread = static_cast<int>(threadIdx.x);
  const int column = thread % kColumns, group = thread / kColumns % kColumnGroups;
  const int team = thread / (kColumns * kColumnGroups);
  const int64_t across = (job.inner + kColumns - 1) / kColumns;
  for (int64_t tile = blockIdx.x; tile < job.outer * across; tile += gridDim.x) {
    const int64_t o = tile / across;
    const int64_t i = (tile - o * across) * kColumns + column;
    const auto* from =
        static_cast<const typename Fold::From*>(job.from) + o * job.length * job.inner_stride + i;
    Pairs<Fold> blocks;
    for (int64_t at = 0; at < job.length; at += kColumnTeams * kReduceBlock) {
      const int64_t begin = at + team * kReduceBlock;
      const int64_t rest = i < job.inner ? job.length - begin : 0;
      const auto count = static_cast<int>(rest < kReduceBlock ? rest : kReduceBlock);
      typename Fold::Value* mine = shared + thread;
      *mine =
          ReduceColumnGroup<Fold>(from + begin * job.inner_stride, job.inner_stride, group, count);
      __syncthreads();
      QUIPU_ROLLED
      for (int half = kColumnGroups / 2; half > 0; half /= 2) {
        if (group < half) *mine = Fold::Join(*mine, mine[half * kColumns]);
        __syncthreads();
      }
      QUIPU_ROLLED
      for (int t = 0; t < kColumnTeams && at + t * kReduceBlock < job.length; ++t) {
        blocks.Take(shared[t * kColumns * kColumnGroups + column]);
      }
      __syncthreads();  // all have read them before they are written again
    }
    if (team == 0 && group == 0 && i < job.inner) {
      static_cast<typename Fold::To*>(job.to)[o * job.inner_stride + i] =
          Fold::Finish(blocks.Result());
    }
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_COLUMNS_H_
