// Whole runs of elements at a time: what lies together in memory is taken into lanes that lie
// together, so that one plain loop, which compilers turn into vectors, does rows and columns alike.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_FLAT_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_FLAT_H_

#include "kernels/lanes/fetch.h"
#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"

namespace quipu {
namespace {

// Columns that are reduced together: 64 lanes of so many stay in the first-level cache.
constexpr int64_t kReduceColumns = 64;

// So many rows ahead are fetched where columns lie apart and are not in the caches anyway: short
// pieces of rows are no pattern that a processor follows by itself.
constexpr int64_t kRowsAhead = 32;
constexpr int64_t kFetchAheadBytes = int64_t{1} << 20;

// `kWidth` columns as one value.
template <class Fold, int64_t kWidth>
struct Wide {
  struct Value {
    alignas(64) typename Fold::Value at[kWidth];
  };
  static Value Start() {
    Value value;
    for (int64_t i = 0; i < kWidth; ++i) value.at[i] = Fold::Start();
    return value;
  }
  static Value Join(const Value& a, const Value& b) {
    Value value;
    for (int64_t i = 0; i < kWidth; ++i) value.at[i] = Fold::Join(a.at[i], b.at[i]);
    return value;
  }
};

// Takes `count` elements that lie together into as many lanes, which start with them when they are
// the first. `index_step` is 1 where they are one after the other along the reduced axis, 0 where
// they are beside each other.
template <class Fold, bool kFirst>
[[gnu::always_inline]] inline void TakeSome(typename Fold::Value* __restrict lanes,
                                            const typename Fold::From* __restrict from,
                                            int64_t count, uint32_t index, uint32_t index_step) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t step = static_cast<uint32_t>(i) * index_step;
    lanes[i] = Fold::Take(kFirst ? Fold::Start() : lanes[i], from[i], index + step);
  }
}

template <class Fold, bool kFirst>
inline void TakeRun(typename Fold::Value* lanes, const typename Fold::From* from, int64_t count,
                    uint32_t index, uint32_t index_step) {
  // The usual count is known to the compiler.
  if (count == kReduceColumns) {
    return TakeSome<Fold, kFirst>(lanes, from, kReduceColumns, index, index_step);
  }
  TakeSome<Fold, kFirst>(lanes, from, count, index, index_step);
}

// A block of `count` rows of `width` columns, `stride` apart, into one row. Lanes that no element
// goes to are left out: joining what a lane starts from changes nothing. Rows `ahead` are fetched
// early; 0 for none.
template <class Fold>
inline void ReduceRows(const typename Fold::From* from, int64_t stride, int64_t width,
                       int64_t count, int64_t first, int64_t ahead, typename Fold::Value* lanes,
                       typename Fold::Value* to) {
  // Rows without a gap are one run of all lanes, unless an index is to tell them apart.
  const bool is_row = width == 1 && stride == 1;
  const int64_t rows = is_row || (stride == width && !Fold::kIndexed) ? kReduceLanes : 1;
  const uint32_t index_step = is_row ? 1 : 0;
  for (int64_t j = 0; j < count; j += rows) {
    const auto* row = from + j * stride;
    if (ahead != 0 && j + ahead < count) {
      const auto* later = reinterpret_cast<const uint8_t*>(row + ahead * stride);
      const size_t bytes = static_cast<size_t>(width) * sizeof(*row);
      FetchLines(later, bytes);
      FetchLine(later + bytes - 1);
    }
    const int64_t run = (count - j < rows ? count - j : rows) * width;
    const uint32_t index = static_cast<uint32_t>(first + j);
    if (j < kReduceLanes) {
      TakeRun<Fold, true>(lanes + j * width, row, run, index, index_step);
    } else {
      TakeRun<Fold, false>(lanes + j % kReduceLanes * width, row, run, index, index_step);
    }
  }
  int64_t held = count < kReduceLanes ? count : kReduceLanes;
  for (int64_t half = kReduceLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < (held - half) * width; ++i) {
      lanes[i] = Fold::Join(lanes[i], lanes[i + half * width]);
    }
    if (held > half) held = half;
  }
  for (int64_t i = 0; i < width; ++i) to[i] = lanes[i];
}

template <class Fold, int64_t kWidth>
void ReduceFlat(const Reduce& job) {
  using Columns = Wide<Fold, kWidth>;
  alignas(64) typename Fold::Value lanes[kReduceLanes * kWidth];
  const int64_t bytes =
      job.length * job.inner_stride * static_cast<int64_t>(sizeof(typename Fold::From));
  const bool apart = job.inner_stride > kWidth && bytes > kFetchAheadBytes;
  for (int64_t o = 0; o < job.outer; ++o) {
    for (int64_t i = 0; i < job.inner; i += kWidth) {
      const int64_t width = job.inner - i < kWidth ? job.inner - i : kWidth;
      const auto* from =
          static_cast<const typename Fold::From*>(job.from) + o * job.length * job.inner_stride + i;
      Pairs<Columns> blocks;
      for (int64_t at = 0; at < job.length; at += kReduceBlock) {
        const int64_t count = job.length - at < kReduceBlock ? job.length - at : kReduceBlock;
        typename Columns::Value block = {};
        ReduceRows<Fold>(from + at * job.inner_stride, job.inner_stride, width, count, at,
                         apart ? kRowsAhead : 0, lanes, block.at);
        blocks.Take(block);
      }
      const typename Columns::Value result = blocks.Result();
      auto* to = static_cast<typename Fold::To*>(job.to) + o * job.inner_stride + i;
      for (int64_t x = 0; x < width; ++x) to[x] = Fold::Finish(result.at[x]);
    }
  }
}

template <class Fold>
void ReduceRuns(const Reduce& job) {
  if (job.inner_stride == 1) return ReduceFlat<Fold, 1>(job);
  ReduceFlat<Fold, kReduceColumns>(job);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_FLAT_H_
