// The readable truth of cumulative sums: line by line.
#include "kernels/scan/scan_line.h"

namespace quipu {

bool ScanPortable(const Scan& job, DType dtype) {
  return WithScanNumber(dtype, [&job](auto number) {
    if (job.length == 0) return true;
    for (int64_t o = 0; o < job.outer; ++o) {
      for (int64_t i = 0; i < job.inner; ++i) {
        ScanEach(LineOf<decltype(number)>(job, o, i), job.length, job.exclusive);
      }
    }
    return true;
  });
}

}  // namespace quipu
