// scan  x → y | outer, length, inner, exclusive, reverse
#ifndef QUIPU_PROGRAM_OPERATORS_SCAN_H_
#define QUIPU_PROGRAM_OPERATORS_SCAN_H_

#include "kernels/scan/scan.h"
#include "program/words.h"

namespace quipu {

struct ScanWords {
  int64_t outer, length, inner;
  bool exclusive, reverse;

  explicit ScanWords(Words* words)
      : outer(words->Size()),
        length(words->Size()),
        inner(words->Size()),
        exclusive(words->Flag()),
        reverse(words->Flag()) {}

  Scan Job(const void* from, void* to) const {
    return Scan{from, to, outer, length, inner, inner, exclusive, reverse};
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_SCAN_H_
