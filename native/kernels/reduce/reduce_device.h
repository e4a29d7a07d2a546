// A row of the canonical order by a team of 64 threads, a lane each. Include only from .cu files.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_DEVICE_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_DEVICE_H_

#include <cuda_runtime_api.h>

#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"

namespace quipu {
namespace {

constexpr int kTeams = 4;
constexpr int kTeamThreads = kTeams * kReduceLanes;
constexpr int64_t kTeamBlocksMax = 65535;

// Thread blocks for so many rows; a block takes further ones in a stride over the grid.
inline int64_t TeamBlocks(int64_t rows) {
  const int64_t wanted = (rows + kTeams - 1) / kTeams;
  return wanted < kTeamBlocksMax ? wanted : kTeamBlocksMax;
}

// Element j of the row is read(j). All threads of a block call this together, with the same length
// and kTeamThreads values of shared memory; each gets the value of its team's row. A team whose row
// is beyond the last one is not `live`: it waits with the others and reads nothing.
template <class Fold, class Read>
__device__ typename Fold::Value TeamReduce(int64_t length, bool live, typename Fold::Value* shared,
                                           const Read& read) {
  const int lane = static_cast<int>(threadIdx.x % kReduceLanes);
  typename Fold::Value* mine = shared + threadIdx.x;
  Pairs<Fold> blocks;
  for (int64_t at = 0; at < length; at += kReduceBlock) {
    const int64_t end = length - at < kReduceBlock ? length : at + kReduceBlock;
    typename Fold::Value value = Fold::Start();
    if (live) {
      for (int64_t j = at + lane; j < end; j += kReduceLanes) {
        value = Fold::Take(value, read(j), static_cast<uint32_t>(j));
      }
    }
    *mine = value;
    __syncthreads();
    for (int half = kReduceLanes / 2; half > 0; half /= 2) {
      if (lane < half) *mine = Fold::Join(*mine, mine[half]);
      __syncthreads();
    }
    blocks.Take(shared[threadIdx.x - static_cast<unsigned>(lane)]);
    __syncthreads();  // all have read it before the first thread writes its next one
  }
  return blocks.Result();
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_DEVICE_H_
