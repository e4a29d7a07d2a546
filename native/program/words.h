// Reads the words of an operator. Whatever they hold, sizes stay below 2^48, so that a product of
// two fits 64 bits when its factors are compared first; what does not fit makes the reader fail,
// once and for all, and it then gives zeros.
#ifndef QUIPU_PROGRAM_WORDS_H_
#define QUIPU_PROGRAM_WORDS_H_

#include "program/program.h"

namespace quipu {

constexpr int64_t kSizeMax = int64_t{1} << 48;

class Words {
 public:
  explicit Words(const ProgramOperator& op) : words_(op.words) {}

  int64_t Next() {
    if (at_ == words_.size()) return Fail();
    return words_[at_++];
  }
  int64_t Between(int64_t least, int64_t most) {
    const int64_t value = Next();
    return value >= least && value <= most ? value : Fail();
  }
  int64_t Size() { return Between(0, kSizeMax); }
  int64_t Stride() { return Between(-kSizeMax, kSizeMax); }
  bool Flag() { return Between(0, 1) == 1; }
  void Sizes(int64_t* to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = Size();
  }
  void Strides(int64_t* to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = Stride();
  }

  // Everything was read and was as it should be.
  bool Done() const { return !failed_ && at_ == words_.size(); }
  bool failed() const { return failed_; }

 private:
  int64_t Fail() {
    failed_ = true;
    return 0;
  }

  const std::vector<int64_t>& words_;
  size_t at_ = 0;
  bool failed_ = false;
};

// The product of sizes, or -1 when it passes kSizeMax. Zeros are left out at first, so that a size
// beside a zero is bounded all the same.
inline int64_t ProductOf(const int64_t* sizes, int64_t count) {
  int64_t product = 1;
  bool empty = false;
  for (int64_t i = 0; i < count; ++i) {
    if (sizes[i] < 0) return -1;
    if (sizes[i] == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, sizes[i], &product) || product > kSizeMax) {
      return -1;
    }
  }
  return empty ? 0 : product;
}

inline int64_t ProductOf(std::initializer_list<int64_t> sizes) {
  return ProductOf(sizes.begin(), static_cast<int64_t>(sizes.size()));
}

// Do all positions of a strided view lie in [0, elements)? An empty view lies anywhere.
inline bool ViewFits(int64_t offset, const int64_t* shape, const int64_t* strides, int64_t rank,
                     int64_t elements) {
  int64_t least = offset;
  int64_t most = offset;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (shape[axis] == 0) return true;
  }
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(shape[axis] - 1, strides[axis], &reach)) return false;
    int64_t* end = reach < 0 ? &least : &most;
    if (__builtin_add_overflow(*end, reach, end)) return false;
  }
  return least >= 0 && most < elements;
}

// Do no two positions of a view meet? Looked for only where strides, by size, each reach beyond all
// that the smaller ones reach together, as they do in any part of a row-major tensor, whatever the
// order of its axes. To be asked of views that fit.
inline bool ViewIsOneToOne(const int64_t* shape, const int64_t* strides, int64_t rank) {
  int64_t sizes[kRankMax], steps[kRankMax];
  int64_t count = 0;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (shape[axis] == 0) return true;
    if (shape[axis] == 1) continue;
    const int64_t step = strides[axis] < 0 ? -strides[axis] : strides[axis];
    int64_t at = count++;
    for (; at > 0 && steps[at - 1] > step; --at) {
      steps[at] = steps[at - 1];
      sizes[at] = sizes[at - 1];
    }
    steps[at] = step;
    sizes[at] = shape[axis];
  }
  int64_t reach = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (steps[i] <= reach) return false;
    reach += (sizes[i] - 1) * steps[i];
  }
  return true;
}

}  // namespace quipu

#endif  // QUIPU_PROGRAM_WORDS_H_
