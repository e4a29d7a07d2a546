// Many lines of cumulative sums at once: lines that lie beside each other by plain loops, which
// compilers turn into vectors; rows four at a time, because a sum waits for the one before it. Four
// that are read and four that are written fit the ways of a first-level cache.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_SCAN_SCAN_LINES_H_
#define QUIPU_KERNELS_SCAN_SCAN_LINES_H_

#include "kernels/scan/scan_line.h"

namespace quipu {
namespace {

template <class Number>
inline void AddRows(const Number* __restrict a, const Number* __restrict b, Number* __restrict to,
                    int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = a[i] + b[i];
}

// All lines of one `o`: each row is the one before plus elements.
template <class Number>
void ScanColumns(const Scan& job, int64_t o) {
  const ScanLine<Number> line = LineOf<Number>(job, o, 0);
  const int64_t late = job.exclusive ? 1 : 0;
  for (int64_t j = 0; j < job.length; ++j) {
    Number* to = line.to + j * line.step;
    const Number* from = line.from + (j - late) * line.step;
    if (j > late) {
      AddRows(to - line.step, from, to, job.inner);
    } else {
      for (int64_t i = 0; i < job.inner; ++i) to[i] = j < late ? Number{0} : from[i];
    }
  }
}

template <class Number>
inline void ScanFourRows(const Scan& job, int64_t row) {
  ScanLine<Number> line[4];
  Number total[4];
  QUIPU_UNROLL
  for (int r = 0; r < 4; ++r) {
    line[r] = LineOf<Number>(job, row + r, 0);
    total[r] = *line[r].from;
    *line[r].to = job.exclusive ? Number{0} : total[r];
  }
  const int64_t step = line[0].step;
  for (int64_t j = 1; j < job.length; ++j) {
    QUIPU_UNROLL
    for (int r = 0; r < 4; ++r) {
      const Number before = total[r];
      total[r] = before + line[r].from[j * step];
      line[r].to[j * step] = job.exclusive ? before : total[r];
    }
  }
}

template <class Number>
void ScanLines(const Scan& job) {
  if (job.length == 0) return;
  int64_t o = 0;
  if (job.inner == 1) {
    for (; o + 4 <= job.outer; o += 4) ScanFourRows<Number>(job, o);
    for (; o < job.outer; ++o) ScanEach(LineOf<Number>(job, o, 0), job.length, job.exclusive);
  }
  for (; o < job.outer; ++o) ScanColumns<Number>(job, o);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_SCAN_SCAN_LINES_H_
