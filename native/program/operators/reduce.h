// reduce  x → y | function, outer, length, inner
#ifndef QUIPU_PROGRAM_OPERATORS_REDUCE_H_
#define QUIPU_PROGRAM_OPERATORS_REDUCE_H_

#include "kernels/reduce/reduce.h"
#include "program/words.h"

namespace quipu {

struct ReduceWords {
  ReduceFunction function;
  int64_t outer, length, inner;

  explicit ReduceWords(Words* words)
      : function(static_cast<ReduceFunction>(words->Between(1, 14))),
        outer(words->Size()),
        length(words->Size()),
        inner(words->Size()) {}

  Reduce Job(const void* from, void* to) const {
    return Reduce{from, to, outer, length, inner, inner};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_REDUCE_H_
