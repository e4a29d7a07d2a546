// Rows of binary32 with the 64 lanes of the canonical order in registers. What is summed is read
// through a function, so that softmax and normalisation sum what they make of a row as they make
// it. F is RowLanes8 or RowLanes16.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_REDUCE_REDUCE_ROWS_H_
#define QUIPU_KERNELS_REDUCE_REDUCE_ROWS_H_

#include "kernels/lanes/inline.h"
#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"

namespace quipu {
namespace {

template <class F>
struct RowSum {
  using Scalar = SumF32;
  using Float = typename F::Float;
  QUIPU_LANES Float Take(Float lane, Float x) { return lane + x; }
  QUIPU_LANES Float Join(Float a, Float b) { return a + b; }
};

template <class F>
struct RowSumOfSquares : RowSum<F> {
  using Float = typename F::Float;
  QUIPU_LANES Float Take(Float lane, Float x) { return F::Fma(x, x, lane); }
};

template <class F>
struct RowProduct {
  using Scalar = ProductF32;
  using Float = typename F::Float;
  QUIPU_LANES Float Take(Float lane, Float x) { return lane * x; }
  QUIPU_LANES Float Join(Float a, Float b) { return a * b; }
};

// Four vectors from element `at` on, by `read.Four` where there is one that does it better.
template <class F, class Read>
QUIPU_LANES void ReadFour(const Read& read, int64_t at, typename F::Float* x) {
  if constexpr (requires { read.Four(at, x); }) {
    read.Four(at, x);
  } else {
    QUIPU_UNROLL
    for (int q = 0; q < 4; ++q) x[q] = read(at + q * F::kLanes);
  }
}

// `read(at)` gives the vector at element `at`; `read(at, live)` one of the last ones, that has
// lanes beyond the first `live` when those are fewer: there the fold must find what changes
// nothing, 0 in sums, 1 in products.
template <class F, class RowFold, class Read>
QUIPU_LANES float FoldBlock(int64_t first, int64_t count, const Read& read) {
  constexpr int kVectors = kReduceLanes / F::kLanes;
  typename F::Float lane[kVectors];
  QUIPU_UNROLL
  for (int q = 0; q < kVectors; ++q) lane[q] = F::Set(RowFold::Scalar::Start());
  const int64_t end = first + count;
  int64_t at = first;
  for (; at + kReduceLanes <= end; at += kReduceLanes) {
    QUIPU_UNROLL
    for (int q = 0; q < kVectors; q += 4) {
      typename F::Float x[4];
      ReadFour<F>(read, at + q * F::kLanes, x);
      QUIPU_UNROLL
      for (int i = 0; i < 4; ++i) lane[q + i] = RowFold::Take(lane[q + i], x[i]);
    }
  }
  QUIPU_UNROLL
  for (int q = 0; q < kVectors; ++q, at += F::kLanes) {
    if (at < end) lane[q] = RowFold::Take(lane[q], read(at, end - at));
  }
  QUIPU_UNROLL
  for (int half = kVectors / 2; half > 0; half /= 2) {
    QUIPU_UNROLL
    for (int q = 0; q < half; ++q) lane[q] = RowFold::Join(lane[q], lane[q + half]);
  }
  return F::JoinHalves(lane[0], RowFold::Join);
}

template <class F, class RowFold, class Read>
QUIPU_LANES float FoldRow(int64_t length, const Read& read) {
  if (length <= kReduceBlock) return FoldBlock<F, RowFold>(0, length, read);
  Pairs<typename RowFold::Scalar> blocks;
  for (int64_t at = 0; at < length; at += kReduceBlock) {
    const int64_t count = length - at < kReduceBlock ? length - at : kReduceBlock;
    blocks.Take(FoldBlock<F, RowFold>(at, count, read));
  }
  return blocks.Result();
}

// What FoldRow reads of a plain row.
template <class F>
struct RowReader {
  const float* from;
  float others;

  auto operator()(int64_t at) const { return F::Load(from + at); }
  auto operator()(int64_t at, int64_t live) const {
    return F::LoadFirstOr(from + at, live, F::Set(others));
  }
};

// A row, less one value; 0 in lanes beyond it.
template <class F>
struct RowLess {
  const float* from;
  typename F::Float less;

  auto operator()(int64_t at) const { return F::Load(from + at) - less; }
  auto operator()(int64_t at, int64_t live) const {
    return F::First(F::LoadFirst(from + at, live) - less, live);
  }
};

// The processor's maximum knows neither NaN nor which zero is larger, so both are watched beside
// it. When the largest is a zero, it is +0 if any sign is clear; the smallest is -0 if any is set.
template <class F, bool kLargest>
struct Extreme {
  using Float = typename F::Float;
  Float value = F::Set(kLargest ? -__builtin_inff() : __builtin_inff());
  Float signs = value;

  QUIPU_LANES Float Further(Float a, Float b) {
    return kLargest ? F::GreaterOrSecond(a, b) : F::LessOrSecond(a, b);
  }
  QUIPU_LANES Float Both(Float a, Float b) {
    return F::OfBits(kLargest ? F::Bits(a) & F::Bits(b) : F::Bits(a) | F::Bits(b));
  }

  void Take(Float x) {
    value = Further(x, value);
    signs = Both(signs, x);
  }
  void Join(const Extreme& other) {
    value = Further(value, other.value);
    signs = Both(signs, other.signs);
  }
  float Result() const {
    const float result = F::JoinHalves(value, Further);
    if (result != 0.0f) return result;
    return F32OfBits(BitsOfF32(F::JoinHalves(signs, Both)) & 0x80000000u);
  }
};

// Of the row's numbers; says whether there is a NaN beside them.
template <class F, bool kLargest>
inline float ExtremeOfNumbers(const float* from, int64_t length, bool* has_nan) {
  constexpr int64_t kStep = 4 * F::kLanes;
  Extreme<F, kLargest> lane[4];
  const RowReader<F> read{from, kLargest ? -__builtin_inff() : __builtin_inff()};
  typename F::Mask nan = F::EitherIsNan(lane[0].value, lane[0].value);
  int64_t at = 0;
  for (; at + kStep <= length; at += kStep) {
    typename F::Float x[4];
    QUIPU_UNROLL
    for (int q = 0; q < 4; ++q) x[q] = read(at + q * F::kLanes);
    QUIPU_UNROLL
    for (int q = 0; q < 4; ++q) lane[q].Take(x[q]);
    const auto either = F::Or(F::EitherIsNan(x[0], x[1]), F::EitherIsNan(x[2], x[3]));
    nan = F::Or(nan, either);
  }
  for (; at < length; at += F::kLanes) {
    const auto x = read(at, length - at);
    lane[0].Take(x);
    nan = F::Or(nan, F::EitherIsNan(x, x));
  }
  *has_nan = F::Any(nan);
  lane[0].Join(lane[1]);
  lane[2].Join(lane[3]);
  lane[0].Join(lane[2]);
  return lane[0].Result();
}

template <class F, bool kLargest>
inline float ExtremeOfRow(const float* from, int64_t length) {
  bool has_nan = false;
  const float value = ExtremeOfNumbers<F, kLargest>(from, length, &has_nan);
  return has_nan ? F32OfBits(kCanonicalNan) : value;
}

// Where the extreme is: found by its value, and then looked for. Either zero is found by the other.
// A NaN is the greatest of all; a row of nothing else has its least at an end.
template <class F, bool kLargest, bool kLast>
inline int64_t PlaceInRow(const float* from, int64_t length) {
  bool has_nan = false;
  const float value = ExtremeOfNumbers<F, kLargest>(from, length, &has_nan);
  const auto sought = F::Set(value);
  const bool is_nan = kLargest && has_nan;
  const int64_t vectors = (length + F::kLanes - 1) / F::kLanes;
  for (int64_t v = 0; v < vectors; ++v) {
    const int64_t at = (kLast ? vectors - 1 - v : v) * F::kLanes;
    const auto x = F::LoadFirst(from + at, length - at);
    const unsigned lanes = F::LanesOf(is_nan ? F::IsNan(x) : F::Equal(x, sought));
    const unsigned found = length - at < F::kLanes ? lanes & ((1u << (length - at)) - 1) : lanes;
    if (found != 0) return at + (kLast ? 31 - __builtin_clz(found) : __builtin_ctz(found));
  }
  return kLast ? length - 1 : 0;
}

// All rows of a job, by `of(row)`.
template <class To, class Of>
inline bool EachRow(const Reduce& job, const Of& of) {
  const auto* from = static_cast<const float*>(job.from);
  auto* to = static_cast<To*>(job.to);
  for (int64_t o = 0; o < job.outer; ++o) to[o] = of(from + o * job.length);
  return true;
}

template <class F>
inline bool ReduceRowsF32(const Reduce& job, ReduceFunction function) {
  const int64_t length = job.length;
  switch (function) {
    case ReduceFunction::kSum:
      return EachRow<float>(job, [=](const float* row) {
        return FoldRow<F, RowSum<F>>(length, RowReader<F>{row, 0.0f});
      });
    case ReduceFunction::kProduct:
      return EachRow<float>(job, [=](const float* row) {
        return FoldRow<F, RowProduct<F>>(length, RowReader<F>{row, 1.0f});
      });
    case ReduceFunction::kSumOfSquares:
      return EachRow<float>(job, [=](const float* row) {
        return FoldRow<F, RowSumOfSquares<F>>(length, RowReader<F>{row, 0.0f});
      });
    case ReduceFunction::kMaximum:
      return EachRow<float>(job,
                            [=](const float* row) { return ExtremeOfRow<F, true>(row, length); });
    case ReduceFunction::kMinimum:
      return EachRow<float>(job,
                            [=](const float* row) { return ExtremeOfRow<F, false>(row, length); });
    case ReduceFunction::kMaximumFirst:
      return EachRow<int64_t>(
          job, [=](const float* row) { return PlaceInRow<F, true, false>(row, length); });
    case ReduceFunction::kMaximumLast:
      return EachRow<int64_t>(
          job, [=](const float* row) { return PlaceInRow<F, true, true>(row, length); });
    case ReduceFunction::kMinimumFirst:
      return EachRow<int64_t>(
          job, [=](const float* row) { return PlaceInRow<F, false, false>(row, length); });
    case ReduceFunction::kMinimumLast:
      return EachRow<int64_t>(
          job, [=](const float* row) { return PlaceInRow<F, false, true>(row, length); });
  }
  return false;
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_REDUCE_ROWS_H_
