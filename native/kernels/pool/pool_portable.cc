// The readable truth is in pool.h, for it is also what a thread of a device does.
#include "kernels/pool/pool.h"

namespace quipu {

void MaxPoolF32Portable(const MaxPool& job) {
  const int64_t positions = VolumeOf(job.out);
  for (int64_t plane = job.begin; plane < job.end; ++plane) {
    for (int64_t position = 0; position < positions; ++position) MaxPoolOne(job, plane, position);
  }
}

void AveragePoolF32Portable(const AveragePool& job) {
  const int64_t positions = VolumeOf(job.out);
  for (int64_t plane = job.begin; plane < job.end; ++plane) {
    for (int64_t position = 0; position < positions; ++position) {
      AveragePoolOne(job, plane, position);
    }
  }
}

}  // namespace quipu
