// normalise  x(, scale, bias) → y, mean, inverse deviation | rows, length, epsilon bits, mode,
// channels
//
// Mode: 0 neither scale nor bias; 1 by the place in the row; 2 by the row's number modulo channels.
#ifndef QUIPU_PROGRAM_OPERATORS_NORMALISE_H_
#define QUIPU_PROGRAM_OPERATORS_NORMALISE_H_

#include "kernels/math/canonical.h"
#include "kernels/normalise/normalise.h"
#include "program/words.h"

namespace quipu {

struct NormaliseWords {
  int64_t rows, length;
  float epsilon;
  int64_t mode, channels;

  explicit NormaliseWords(Words* words)
      : rows(words->Size()),
        length(words->Size()),
        epsilon(F32OfBits(static_cast<uint32_t>(words->Between(0, UINT32_MAX)))),
        mode(words->Between(0, 2)),
        channels(words->Size()) {}

  Normalise Job(const float* from, const float* scale, const float* bias, float* to, float* mean,
                float* inverse_deviation) const {
    const auto by = mode == 2 ? NormaliseMode::kByChannel : NormaliseMode::kByPlace;
    const int64_t of = channels == 0 ? 1 : channels;
    return Normalise{from, scale, bias,    to, mean, inverse_deviation, rows, length,
                     0,    of,    epsilon, by, false};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_NORMALISE_H_
