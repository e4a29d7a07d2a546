// The readable truth: each result by itself, block after block. And the joining of parts, whose
// work is too little to need more.
#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"

namespace quipu {
namespace {

// Calls `of(first element)` for each result.
template <class Fold, class Of>
bool Each(const Reduce& job, const Of& of) {
  const auto* from = static_cast<const typename Fold::From*>(job.from);
  auto* to = static_cast<typename Fold::To*>(job.to);
  for (int64_t o = 0; o < job.outer; ++o) {
    for (int64_t i = 0; i < job.inner; ++i) {
      const int64_t start = o * job.length * job.inner_stride + i;
      to[o * job.inner_stride + i] = Fold::Finish(of(from + start));
    }
  }
  return true;
}

}  // namespace

bool ReducePortable(const Reduce& job, ReduceFunction function, DType dtype) {
  return WithFold(function, dtype, [&job](auto fold) {
    using Kind = decltype(fold);
    return Each<Kind>(job, [&job](const typename Kind::From* start) {
      return ReduceAll<Kind>(start, job.inner_stride, job.length);
    });
  });
}

bool JoinReduced(const Reduce& job, ReduceFunction function, DType dtype) {
  return WithJoin(function, dtype, [&job](auto fold) {
    using Kind = decltype(fold);
    return Each<Kind>(job, [&job](const typename Kind::From* start) {
      return JoinAll<Kind>(start, job.inner_stride, job.length);
    });
  });
}

}  // namespace quipu
