// Rows with their mean taken off and brought to one deviation: layer, instance and group
// normalisation.
//
// Frozen (docs/arithmetic.md, "Normalisation"): the order of both sums, and each rounding after
// them. A call computes on the calling thread only; a caller splits the rows.
#ifndef QUIPU_KERNELS_NORMALISE_NORMALISE_H_
#define QUIPU_KERNELS_NORMALISE_NORMALISE_H_

#include <stdint.h>

namespace quipu {

// Where a row's scale and bias are. Numbers are frozen: they stand in flat programs.
enum class NormaliseMode : int32_t {
  kByPlace = 1,    // at the element's place in the row: `length` of them
  kByChannel = 2,  // at the row's number modulo `channels`: one for all of the row
};

struct Normalise {
  const float* from;   // rows · length
  const float* scale;  // may be null
  const float* bias;   // may be null
  float* to;           // as `from`, and may be the same
  float* mean;         // one a row; may be null
  float* inverse_deviation;
  int64_t rows;
  int64_t length;
  int64_t first_row;  // the number of the job's first row among all
  int64_t channels;   // at least 1
  float epsilon;
  NormaliseMode mode;
  bool stream;  // write past the caches: for results too large to be found in them again
};

using NormaliseF32 = void (*)(const Normalise& job);

void NormaliseF32Portable(const Normalise& job);
void NormaliseF32Avx2(const Normalise& job);
void NormaliseF32Avx512(const Normalise& job);

}  // namespace quipu

#endif  // QUIPU_KERNELS_NORMALISE_NORMALISE_H_
