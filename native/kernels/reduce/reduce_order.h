// The canonical order of a reduction, for the CPU and the device.
//
// Frozen (docs/arithmetic.md, "Reductions"): blocks of 4096 elements; in a block element i goes to
// lane i mod 64, ascending; lanes are joined by halves; the results of blocks are joined by pairs,
// level by level, an odd last one going up as it is.
//
// In an unnamed namespace: copies for other instruction sets must not be merged.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_ORDER_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_ORDER_H_

#include <stdint.h>

#include "quipu/device.h"

namespace quipu {

constexpr int64_t kReduceBlock = 4096;
constexpr int kReduceLanes = 64;

namespace {

// Elements [first, first + count) as one block. Element j is read(j).
template <class Fold, class Read>
QUIPU_HOST_DEVICE inline typename Fold::Value ReduceBlock(int64_t first, int64_t count,
                                                          const Read& read) {
  typename Fold::Value lanes[kReduceLanes];
  for (int l = 0; l < kReduceLanes; ++l) lanes[l] = Fold::Start();
  QUIPU_ROLLED
  for (int64_t j = 0; j < count; j += kReduceLanes) {
    QUIPU_UNROLL
    for (int l = 0; l < kReduceLanes; ++l) {
      if (j + l >= count) continue;
      const int64_t index = first + j + l;
      lanes[l] = Fold::Take(lanes[l], read(index), static_cast<uint32_t>(index));
    }
  }
  for (int half = kReduceLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] = Fold::Join(lanes[l], lanes[l + half]);
  }
  return lanes[0];
}

// Results of blocks, taken one by one: a pair on a level is joined as soon as it is there, like a
// carry of the number of blocks counted in binary. What waits at the end is joined from the last
// one on.
template <class Fold>
class Pairs {
 public:
  using Value = typename Fold::Value;

  QUIPU_HOST_DEVICE void Take(Value value) {
    int level = 0;
    QUIPU_ROLLED
    for (; (count_ >> level & 1) != 0; ++level) value = Fold::Join(held_[level], value);
    held_[level] = value;
    ++count_;
  }

  QUIPU_HOST_DEVICE Value Result() const {
    if (count_ == 0) return Fold::Start();
    int level = 0;
    QUIPU_ROLLED
    while ((count_ >> level & 1) == 0) ++level;
    Value value = held_[level];
    QUIPU_ROLLED
    while (count_ >> ++level != 0) {
      if ((count_ >> level & 1) != 0) value = Fold::Join(held_[level], value);
    }
    return value;
  }

 private:
  static constexpr int kLevels = 48;  // no memory holds 2^48 blocks
  Value held_[kLevels];
  int64_t count_ = 0;
};

// One result of `length` elements.
template <class Fold, class Read>
QUIPU_HOST_DEVICE inline typename Fold::Value ReduceAll(int64_t length, const Read& read) {
  Pairs<Fold> blocks;
  for (int64_t at = 0; at < length; at += kReduceBlock) {
    const int64_t count = length - at < kReduceBlock ? length - at : kReduceBlock;
    blocks.Take(ReduceBlock<Fold>(at, count, read));
  }
  return blocks.Result();
}

// One result of parts of the length, which are taken as elements. That changes none of them: no sum
// is -0, because lanes start from +0, and 1 · x is x.
template <class Fold, class Read>
QUIPU_HOST_DEVICE inline typename Fold::Value JoinAll(int64_t parts, const Read& read) {
  Pairs<Fold> joined;
  for (int64_t j = 0; j < parts; ++j) joined.Take(Fold::Take(Fold::Start(), read(j), 0));
  return joined.Result();
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_ORDER_H_
