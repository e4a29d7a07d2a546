// Contests on a CUDA device. Include only from .cu files.
#ifndef QUIPU_BENCH_DEVICE_H_
#define QUIPU_BENCH_DEVICE_H_

#include <cuda_runtime_api.h>

#include "bench/contest.h"
#include "support/cuda_memory.h"

namespace quipu::bench {

// Ends the process, and says why, unless all is well.
void Demand(cudaError_t error, const char* what);
void Demand(const Status& status, const char* what);

// So many random numbers between -1 and 1 on the device, or room for them.
class DeviceFloats {
 public:
  DeviceFloats(int64_t count, uint64_t seed);
  explicit DeviceFloats(int64_t count);
  float* get() const { return floats_.get(); }

 private:
  DeviceArray<float> floats_;
};

// Everything that is timed runs on it.
cudaStream_t Stream();

void HoldProducts(const Options& options, double multiply_adds);
void HoldConvolutions(const Options& options, double multiply_adds);
void HoldOperators(const Options& options);

}  // namespace quipu::bench

#endif  // QUIPU_BENCH_DEVICE_H_
