// One line of a cumulative sum in scalar form, for the CPU and the device.
//
// In an unnamed namespace: copies for other instruction sets must not be merged.
#ifndef QUIPU_KERNELS_SCAN_SCAN_LINE_H_
#define QUIPU_KERNELS_SCAN_SCAN_LINE_H_

#include "kernels/scan/scan.h"
#include "quipu/device.h"

namespace quipu {
namespace {

// A line of at least one element, from the first one of its sum on; `step` is the way to the next.
template <class Number>
struct ScanLine {
  const Number* from;
  Number* to;
  int64_t step;
};

template <class Number>
QUIPU_HOST_DEVICE inline ScanLine<Number> LineOf(const Scan& job, int64_t o, int64_t i) {
  const int64_t at = (job.reverse ? (o + 1) * job.length - 1 : o * job.length);
  const int64_t start = at * job.inner_stride + i;
  return {static_cast<const Number*>(job.from) + start, static_cast<Number*>(job.to) + start,
          job.reverse ? -job.inner_stride : job.inner_stride};
}

template <class Number>
QUIPU_HOST_DEVICE inline void ScanEach(const ScanLine<Number>& line, int64_t length,
                                       bool exclusive) {
  Number total = line.from[0];
  line.to[0] = exclusive ? Number{0} : total;
  for (int64_t j = 1; j < length; ++j) {
    const Number before = total;
    total = total + line.from[j * line.step];
    line.to[j * line.step] = exclusive ? before : total;
  }
}

// Calls `with` with a number of the type that sums are made in; false when there is none.
template <class With>
inline bool WithScanNumber(DType dtype, const With& with) {
  switch (dtype) {
    case DType::kF32:
      return with(float{});
    case DType::kI64:
      return with(uint64_t{});
    case DType::kI32:
      return with(uint32_t{});
    default:
      return false;
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_SCAN_SCAN_LINE_H_
