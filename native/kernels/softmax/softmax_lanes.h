// Softmax over lanes: a row is read from memory once and each exponential is made once. F is
// RowLanes8 or RowLanes16.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_SOFTMAX_SOFTMAX_LANES_H_
#define QUIPU_KERNELS_SOFTMAX_SOFTMAX_LANES_H_

#include "kernels/lanes/floats1.h"
#include "kernels/lanes/together.h"
#include "kernels/math/logarithm.h"
#include "kernels/reduce/reduce_rows.h"
#include "kernels/reduce/row_write.h"
#include "kernels/softmax/softmax.h"

namespace quipu {
namespace {

// The row's maximum, but for a NaN and the sign of a zero, neither of which a result shows: a NaN
// comes to all of them by the sum, and a zero's sign is lost in the difference unless the zero is
// the only one, and then it is its own sign.
template <class F>
struct Largest {
  using Float = typename F::Float;
  struct Scalar {
    using Value = float;
    QUIPU_LANES float Start() { return -__builtin_inff(); }
    QUIPU_LANES float Join(float a, float b) { return a > b ? a : b; }
  };
  QUIPU_LANES Float Take(Float lane, Float x) { return F::GreaterOrSecond(x, lane); }
  QUIPU_LANES Float Join(Float a, Float b) { return F::GreaterOrSecond(a, b); }
};

// Up to this length a row, its exponentials and the next row fit the first cache together.
constexpr int64_t kNearLength = 2048;

// The exponentials of how far elements are below the maximum, kept when `kKeep`; 0 in lanes beyond
// the row. Fetches the row `ahead` elements on.
template <class F, bool kKeep>
struct Powers {
  RowLess<F> below;
  float* kept;
  int64_t ahead;
  bool near;

  void Fetch(int64_t at) const {
    const auto* later = reinterpret_cast<const uint8_t*>(below.from + at + ahead);
    near ? FetchLineNear(later) : FetchLine(later);
  }

  auto operator()(int64_t at) const {
    Fetch(at);
    const auto power = ExpF32::Of<F>(below(at));
    if (kKeep) F::Store(kept + at, power);
    return power;
  }
  void Four(int64_t at, typename F::Float* x) const {
    using All = Together<Together<F>>;
    QUIPU_UNROLL
    for (int q = 0; q < 4; ++q) {
      Fetch(at + q * F::kLanes);
      x[q] = below(at + q * F::kLanes);
    }
    const auto power = ExpF32::Of<All>({{x[0], x[1]}, {x[2], x[3]}});
    x[0] = power.a.a;
    x[1] = power.a.b;
    x[2] = power.b.a;
    x[3] = power.b.b;
    if (!kKeep) return;
    QUIPU_UNROLL
    for (int q = 0; q < 4; ++q) F::Store(kept + at + q * F::kLanes, x[q]);
  }
  auto operator()(int64_t at, int64_t live) const {
    const auto power = F::First(ExpF32::Of<F>(below(at, live)), live);
    if (kKeep) F::StoreFirst(kept + at, power, live);
    return power;
  }
};

template <class F>
struct Scaled {
  const float* from;
  typename F::Float factor;

  auto operator()(int64_t at) const { return F::Load(from + at) * factor; }
  auto operator()(int64_t at, int64_t live) const { return F::LoadFirst(from + at, live) * factor; }
};

template <class F>
struct Less {
  RowLess<F> below;
  typename F::Float log;

  auto operator()(int64_t at) const { return below(at) - log; }
  auto operator()(int64_t at, int64_t live) const { return below(at, live) - log; }
};

template <class F, bool kLogarithm>
void SoftmaxRows(const Softmax& job, float* scratch) {
  // What is written past the caches must not have been there a moment before.
  const bool apart = job.stream && job.length <= kSoftmaxScratchLength;
  for (int64_t row = 0; row < job.rows; ++row) {
    const float* from = job.from + row * job.length;
    float* to = job.to + row * job.length;
    float* kept = apart ? scratch : to;
    const RowReader<F> row_of{from, -__builtin_inff()};
    const RowLess<F> below{from, F::Set(FoldRow<F, Largest<F>>(job.length, row_of))};
    const Powers<F, !kLogarithm> powers{below, kept, row + 1 < job.rows ? job.length : 0,
                                        job.length <= kNearLength};
    const float sum = FoldRow<F, RowSum<F>>(job.length, powers);
    const bool stream = job.stream && (apart || kLogarithm);
    if (kLogarithm) {
      const Less<F> less{below, F::Set(LogF32::Of<Floats1>(sum))};
      WriteRow<F>(to, job.length, stream, less);
    } else {
      WriteRow<F>(to, job.length, stream, Scaled<F>{kept, F::Set(1.0f / sum)});
    }
  }
  EndStream(job.stream);
}

template <class F>
void SoftmaxAll(const Softmax& job, float* scratch) {
  if (job.logarithm) return SoftmaxRows<F, true>(job, scratch);
  SoftmaxRows<F, false>(job, scratch);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_SOFTMAX_SOFTMAX_LANES_H_
