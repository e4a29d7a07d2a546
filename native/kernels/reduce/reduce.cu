// Rows by a warp each or by teams of threads, columns by a thread each or, long ones, by teams.
#include <type_traits>

#include "kernels/reduce/reduce_columns.h"
#include "kernels/reduce/reduce_cuda.h"
#include "kernels/reduce/reduce_device.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"

namespace quipu {
namespace {

constexpr int kThreads = 128;

template <class Fold, class Teams>
__global__ void __launch_bounds__(Teams::kThreads) ReduceRowsKernel(Reduce job) {
  __shared__ typename Fold::Value lanes[Teams::kThreads];
  const auto* from = static_cast<const typename Fold::From*>(job.from);
  auto* to = static_cast<typename Fold::To*>(job.to);
  for (int64_t row = Teams::First(); Teams::More(row, job.outer); row += Teams::Step()) {
    const bool live = row < job.outer;
    const auto* start = from + row * job.length;
    const auto value = Teams::template Reduce<Fold>(job.length, live, lanes,
                                                    [start](int64_t j) { return start[j]; });
    if (live && Teams::Place() == 0) to[row] = Fold::Finish(value);
  }
}

// Of a column that is too short for teams, in the canonical order: eight lanes at a time, 8 apart.
template <class Fold, class Read>
__device__ typename Fold::Value ReduceShort(int length, const Read& read) {
  constexpr int kSome = 8;
  static_assert(kSome * kSome == kReduceLanes);
  const auto join = [](typename Fold::Value* values) {
    QUIPU_UNROLL
    for (int half = kSome / 2; half > 0; half /= 2) {
      QUIPU_UNROLL
      for (int k = 0; k < half; ++k) values[k] = Fold::Join(values[k], values[k + half]);
    }
    return values[0];
  };
  typename Fold::Value joined[kSome] = {};
  QUIPU_ROLLED
  for (int first = 0; first < kSome; ++first) {
    typename Fold::Value lanes[kSome];
    QUIPU_UNROLL
    for (int k = 0; k < kSome; ++k) lanes[k] = Fold::Start();
    QUIPU_ROLLED
    for (int j = first; j < length; j += kReduceLanes) {
      typename Fold::From some[kSome] = {};  // on their way together
      QUIPU_UNROLL
      for (int k = 0; k < kSome; ++k) {
        if (j + k * kSome < length) some[k] = read(j + k * kSome);
      }
      QUIPU_UNROLL
      for (int k = 0; k < kSome; ++k) {
        if (j + k * kSome < length) lanes[k] = Fold::Take(lanes[k], some[k], 0);
      }
    }
    // Each comes in at the last place.
    QUIPU_UNROLL
    for (int k = 0; k + 1 < kSome; ++k) joined[k] = joined[k + 1];
    joined[kSome - 1] = join(lanes);
  }
  return join(joined);
}

// By one thread.
template <class Fold, class Read>
__device__ typename Fold::Value ReduceOne(int64_t length, const Read& read) {
  if constexpr (Fold::kOrdered) {
    return ReduceShort<Fold>(static_cast<int>(length), read);
  } else {
    typename Fold::Value value = Fold::Start();
    constexpr int kSome = 4;  // that are on their way together
    int64_t j = 0;
    QUIPU_ROLLED
    for (; j + kSome <= length; j += kSome) {
      typename Fold::From some[kSome];
      QUIPU_UNROLL
      for (int k = 0; k < kSome; ++k) some[k] = read(j + k);
      QUIPU_UNROLL
      for (int k = 0; k < kSome; ++k) {
        value = Fold::Take(value, some[k], static_cast<uint32_t>(j + k));
      }
    }
    QUIPU_ROLLED
    for (; j < length; ++j) value = Fold::Take(value, read(j), static_cast<uint32_t>(j));
    return value;
  }
}

template <class Fold>
__global__ void __launch_bounds__(kThreads) ReduceEachKernel(Reduce job) {
  const auto* from = static_cast<const typename Fold::From*>(job.from);
  auto* to = static_cast<typename Fold::To*>(job.to);
  const int64_t results = job.outer * job.inner;
  QUIPU_ROLLED
  for (int64_t at = GridFirst<kThreads>(); at < results; at += GridStride<kThreads>()) {
    const int64_t o = at / job.inner;
    const int64_t i = at - o * job.inner;
    const auto* start = from + o * job.length * job.inner_stride + i;
    const int64_t stride = job.inner_stride;
    const auto read = [start, stride](int64_t j) { return start[j * stride]; };
    const auto value = ReduceOne<Fold>(job.length, read);
    to[o * job.inner_stride + i] = Fold::Finish(value);
  }
}

int64_t BlocksOf(const Reduce& job) { return GridBlocks<kThreads>(job.outer * job.inner); }

template <class Fold>
void StartReduce(const Reduce& job, cudaStream_t stream) {
  if (job.inner == 1 && job.inner_stride == 1) {
    const auto start = [&](auto teams) {
      using Teams = decltype(teams);
      constexpr auto kKernel = ReduceRowsKernel<Fold, Teams>;
      QUIPU_CUDA_START(kKernel, Teams::Blocks(job.outer), Teams::kThreads, stream, job);
    };
    if constexpr (!std::is_same_v<typename Fold::From, float>) {
      start(RowTeams<4>());  // one kernel for all lengths: there are many integer folds
    } else if (job.length <= kReduceBlock) {
      start(WarpRows());
    } else if constexpr (Fold::kOrdered) {
      WithTeams(job.length, start);
    } else {
      start(RowTeams<8>());
    }
    return;
  }
  if constexpr (std::is_same_v<typename Fold::From, float> && !Fold::kIndexed) {
    if (job.length >= kColumnLengthMin) {
      const int64_t tiles = job.outer * ((job.inner + kColumns - 1) / kColumns);
      QUIPU_CUDA_START(ReduceColumnsKernel<Fold>, UsefulBlocks(tiles), kColumnThreads, stream, job);
      return;
    }
  }
  constexpr auto kKernel = ReduceEachKernel<Fold>;
  QUIPU_CUDA_START(kKernel, BlocksOf(job), kThreads, stream, job);
}

}  // namespace

cudaError_t LaunchReduce(const Reduce& job, ReduceFunction function, DType dtype,
                         cudaStream_t stream) {
  const bool known = WithFold(function, dtype, [&](auto fold) {
    if (job.outer > 0 && job.inner > 0) StartReduce<decltype(fold)>(job, stream);
    return true;
  });
  return known ? cudaGetLastError() : cudaErrorInvalidValue;
}

}  // namespace quipu
