// Cumulative sums along one axis of a tensor.
//
// Frozen (docs/arithmetic.md, "Cumulative sums"): the total starts as the first element, later ones
// are added one by one. An exclusive sum gives +0 first and then the totals before each element; a
// reversed one goes from the last element to the first. Integers wrap.
//
// A call computes on the calling thread only; a caller splits the outer and inner ranges.
#ifndef QUIPU_KERNELS_SCAN_SCAN_H_
#define QUIPU_KERNELS_SCAN_SCAN_H_

#include <stdint.h>

#include "quipu/views.h"

namespace quipu {

// Element (o, j, i) is at (o · length + j) · inner_stride + i on both sides; o < outer, j < length,
// i < inner ≤ inner_stride. The sides do not overlap.
struct Scan {
  const void* from;
  void* to;
  int64_t outer;
  int64_t length;
  int64_t inner;
  int64_t inner_stride;
  bool exclusive;
  bool reverse;
};

// f32, i64 or i32. False, and nothing written, for another type.
using ScanRun = bool (*)(const Scan& job, DType dtype);

bool ScanPortable(const Scan& job, DType dtype);
bool ScanAvx2(const Scan& job, DType dtype);
bool ScanAvx512(const Scan& job, DType dtype);

}  // namespace quipu

#endif  // QUIPU_KERNELS_SCAN_SCAN_H_
