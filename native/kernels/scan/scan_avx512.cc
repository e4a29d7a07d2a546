// AVX-512: the lines of scan_lines.h in its vectors.
#include "kernels/scan/scan_lines.h"

namespace quipu {

bool ScanAvx512(const Scan& job, DType dtype) {
  return WithScanNumber(dtype, [&job](auto number) {
    ScanLines<decltype(number)>(job);
    return true;
  });
}

}  // namespace quipu
