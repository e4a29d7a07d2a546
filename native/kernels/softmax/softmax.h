// Softmax of rows, and its logarithm.
//
// Frozen (docs/arithmetic.md, "Softmax"): m is the row's maximum, e = exp(x - m), s their canonical
// sum, and y = e · (1 / s); the logarithm is (x - m) - log(s). A call computes on the calling
// thread only; a caller splits the rows.
#ifndef QUIPU_KERNELS_SOFTMAX_SOFTMAX_H_
#define QUIPU_KERNELS_SOFTMAX_SOFTMAX_H_

#include <stddef.h>
#include <stdint.h>

namespace quipu {

struct Softmax {
  const float* from;  // rows · length
  float* to;          // as `from`, and may be the same
  int64_t rows;
  int64_t length;
  bool logarithm;
  bool stream;  // write past the caches: for results too large to be found in them again
};

// A row's exponentials wait there for their sum, unless they are too many; 64-byte aligned, one a
// thread. A quarter of a usual second-level cache at most.
constexpr int64_t kSoftmaxScratchLength = 16384;
constexpr size_t kSoftmaxScratchBytes = kSoftmaxScratchLength * sizeof(float);

using SoftmaxF32 = void (*)(const Softmax& job, float* scratch);

void SoftmaxF32Portable(const Softmax& job, float* scratch);
void SoftmaxF32Avx2(const Softmax& job, float* scratch);
void SoftmaxF32Avx512(const Softmax& job, float* scratch);

}  // namespace quipu

#endif  // QUIPU_KERNELS_SOFTMAX_SOFTMAX_H_
