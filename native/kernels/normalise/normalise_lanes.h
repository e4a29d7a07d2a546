// Normalisation over lanes: a row is read from memory once and then lies in the caches; while it is
// written the next one is fetched. F is RowLanes8 or RowLanes16.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_NORMALISE_NORMALISE_LANES_H_
#define QUIPU_KERNELS_NORMALISE_NORMALISE_LANES_H_

#include "kernels/normalise/normalise_row.h"
#include "kernels/reduce/reduce_rows.h"
#include "kernels/reduce/row_write.h"

namespace quipu {
namespace {

// Rows up to this length follow each other fast enough for the processor to fetch them by itself.
constexpr int64_t kFetchedLength = 1024;

// Scale and bias of a row, in one of the forms that a loop is compiled for. Fetches `ahead`
// elements on, if that is not 0.
template <class F, bool kScale, bool kBias, bool kByPlace>
struct Rescaled {
  using Float = typename F::Float;
  const float* from;
  Float mean;
  Float inverse;
  const float* scale;
  const float* bias;
  int64_t ahead;

  auto operator()(int64_t at) const {
    if (ahead != 0) FetchLine(reinterpret_cast<const uint8_t*>(from + at + ahead));
    Float y = (F::Load(from + at) - mean) * inverse;
    if (kScale) y = y * (kByPlace ? F::Load(scale + at) : F::Set(*scale));
    if (kBias) y = y + (kByPlace ? F::Load(bias + at) : F::Set(*bias));
    return y;
  }
  auto operator()(int64_t at, int64_t live) const {
    Float y = (F::LoadFirst(from + at, live) - mean) * inverse;
    if (kScale) y = y * (kByPlace ? F::LoadFirst(scale + at, live) : F::Set(*scale));
    if (kBias) y = y + (kByPlace ? F::LoadFirst(bias + at, live) : F::Set(*bias));
    return y;
  }
};

template <class F, bool kScale, bool kBias, bool kByPlace>
void NormaliseRows(const Normalise& job) {
  const int64_t ahead = job.length > kFetchedLength ? job.length : 0;
  for (int64_t row = 0; row < job.rows; ++row) {
    const float* from = job.from + row * job.length;
    const float sum = FoldRow<F, RowSum<F>>(job.length, RowReader<F>{from, 0.0f});
    const float mean = sum / static_cast<float>(job.length);
    const RowLess<F> deviations{from, F::Set(mean)};
    const float squares = FoldRow<F, RowSumOfSquares<F>>(job.length, deviations);
    const float inverse = InverseDeviation(squares, job.length, job.epsilon);
    const ScaleAndBias after = ScaleAndBiasOf(job, row);
    const Rescaled<F, kScale, kBias, kByPlace> rescaled{
        from,        F::Set(mean), F::Set(inverse),
        after.scale, after.bias,   row + 1 < job.rows ? ahead : 0};
    WriteRow<F>(job.to + row * job.length, job.length, job.stream, rescaled);
    WriteMoments(job, row, mean, inverse);
  }
  EndStream(job.stream);
}

template <class F, bool kByPlace>
void NormaliseMoved(const Normalise& job) {
  const bool scale = job.scale != nullptr;
  const bool bias = job.bias != nullptr;
  if (scale && bias) return NormaliseRows<F, true, true, kByPlace>(job);
  if (scale) return NormaliseRows<F, true, false, kByPlace>(job);
  if (bias) return NormaliseRows<F, false, true, kByPlace>(job);
  NormaliseRows<F, false, false, kByPlace>(job);
}

template <class F>
void NormaliseAll(const Normalise& job) {
  if (job.mode == NormaliseMode::kByPlace) return NormaliseMoved<F, true>(job);
  NormaliseMoved<F, false>(job);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_NORMALISE_NORMALISE_LANES_H_
