#include "kernels/scatter/scatter.h"

#include "kernels/scatter/scatter_update.h"

namespace quipu {
namespace {

template <class Update>
bool RunElements(const ScatterElements& job, BadIndex* bad) {
  using Type = typename Update::Type;
  const ElementWalk walk = ElementWalkOf(job);
  auto* const to = static_cast<Type*>(job.to);
  const auto* const updates = static_cast<const Type*>(job.updates);
  const int64_t count = ElementsOf(walk);
  const int64_t run = walk.shape[walk.rank - 1];
  const int64_t step = walk.stride[walk.rank - 1];
  for (int64_t begin = 0; begin < count; begin += run) {
    Type* row = to + walk.Locate(begin);
    for (int64_t i = begin; i < begin + run; ++i, row += step) {
      const int64_t place = PlaceAt(job.indices, i, walk.axis_size, bad);
      if (place < 0) return false;
      Type* const element = row + place * walk.axis_stride;
      *element = Update::Of(*element, updates[i]);
    }
  }
  return true;
}

template <class Update>
bool RunNd(const ScatterNd& job, BadIndex* bad) {
  using Type = typename Update::Type;
  if (job.inner == 0) return true;
  const auto* updates = static_cast<const Type*>(job.updates);
  for (int64_t tuple = 0; tuple < job.tuples; ++tuple, updates += job.inner) {
    const int64_t slice = SliceAt(job.list, tuple, bad);
    if (slice < 0) return false;
    Type* const to = static_cast<Type*>(job.to) + slice * job.inner;
    for (int64_t i = 0; i < job.inner; ++i) to[i] = Update::Of(to[i], updates[i]);
  }
  return true;
}

}  // namespace

bool ScatterIsKnown(ScatterFunction function, DType dtype) {
  switch (function) {
    case ScatterFunction::kSet:
      return DTypeBytes(dtype) != 0;
    case ScatterFunction::kAdd:
    case ScatterFunction::kMultiply:
    case ScatterFunction::kMaximum:
    case ScatterFunction::kMinimum:
      return dtype == DType::kF32 || dtype == DType::kI64 || dtype == DType::kI32;
  }
  return false;
}

bool Scatter(const ScatterElements& job, BadIndex* bad) {
  return UseUpdate(job.function, job.dtype,
                   [&](auto update) { return RunElements<decltype(update)>(job, bad); });
}

bool Scatter(const ScatterNd& job, BadIndex* bad) {
  return UseUpdate(job.function, job.dtype,
                   [&](auto update) { return RunNd<decltype(update)>(job, bad); });
}

}  // namespace quipu
