// softmax  x → y | rows, length, logarithm
#ifndef QUIPU_PROGRAM_OPERATORS_SOFTMAX_H_
#define QUIPU_PROGRAM_OPERATORS_SOFTMAX_H_

#include "kernels/softmax/softmax.h"
#include "program/words.h"

namespace quipu {

struct SoftmaxWords {
  int64_t rows, length;
  bool logarithm;

  explicit SoftmaxWords(Words* words)
      : rows(words->Size()), length(words->Size()), logarithm(words->Flag()) {}

  Softmax Job(const float* from, float* to) const {
    return Softmax{from, to, rows, length, logarithm, false};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_SOFTMAX_H_
