// The readable truth: each result by itself, block after block. And the joining of parts, whose
// work is too little to need more.
#include "kernels/reduce/reduce_folds.h"
#include "kernels/reduce/reduce_order.h"

namespace quipu {
namespace {

// Calls `of(length, read)` for each result.
template <class Fold, class Of>
bool Each(const Reduce& job, const Of& of) {
  const auto* from = static_cast<const typename Fold::From*>(job.from);
  auto* to = static_cast<typename Fold::To*>(job.to);
  for (int64_t o = 0; o < job.outer; ++o) {
    for (int64_t i = 0; i < job.inner; ++i) {
      const auto* first = from + o * job.length * job.inner_stride + i;
      const auto read = [&](int64_t j) { return first[j * job.inner_stride]; };
      to[o * job.inner_stride + i] = Fold::Finish(of(job.length, read));
    }
  }
  return true;
}

}  // namespace

bool ReducePortable(const Reduce& job, ReduceFunction function, DType dtype) {
  return WithFold(function, dtype, [&job](auto fold) {
    using Kind = decltype(fold);
    return Each<Kind>(
        job, [](int64_t length, const auto& read) { return ReduceAll<Kind>(length, read); });
  });
}

bool JoinReduced(const Reduce& job, ReduceFunction function, DType dtype) {
  return WithJoin(function, dtype, [&job](auto fold) {
    using Kind = decltype(fold);
    return Each<Kind>(job,
                      [](int64_t parts, const auto& read) { return JoinAll<Kind>(parts, read); });
  });
}

}  // namespace quipu
