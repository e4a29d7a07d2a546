// topk  x → values, indices | rows, length, k, largest
#ifndef QUIPU_PROGRAM_OPERATORS_TOPK_H_
#define QUIPU_PROGRAM_OPERATORS_TOPK_H_

#include "program/words.h"

namespace quipu {

struct TopKWords {
  int64_t rows, length, k;
  bool largest;

  explicit TopKWords(Words* words)
      : rows(words->Size()), length(words->Size()), k(words->Size()), largest(words->Flag()) {}
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_TOPK_H_
