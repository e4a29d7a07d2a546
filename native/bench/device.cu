// How fast the kernels are on a CUDA device, beside cuBLAS and a plain copy in its memory:
// device-bench [--pairs N] [--only PART]. Ends with 3 where there is no device.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench/device.h"

namespace quipu::bench {
namespace {

constexpr float kTurnMs = 10;
constexpr int kCallsMax = 4096;

__global__ void __launch_bounds__(256) MultiplyAddKernel(float* out, float x, float y, int steps) {
  float value[16];
  for (int i = 0; i < 16; ++i) value[i] = static_cast<float>(threadIdx.x + i);
  for (int step = 0; step < steps; ++step) {
#pragma unroll
    for (int i = 0; i < 16; ++i) value[i] = __fmaf_rn(value[i], x, y);
  }
  float sum = 0;
  for (int i = 0; i < 16; ++i) sum += value[i];
  if (sum == y) *out = sum;  // never; or nothing would be left to do
}

// Of the device between the first call and the last, so that starting them costs nothing.
double DeviceSecondsOf(const std::function<void()>& run) {
  cudaEvent_t begin, end;
  Demand(cudaEventCreate(&begin), "an event");
  Demand(cudaEventCreate(&end), "an event");
  run();
  for (int calls = 1;; calls *= 4) {
    Demand(cudaEventRecord(begin, Stream()), "a mark");
    for (int i = 0; i < calls; ++i) run();
    Demand(cudaEventRecord(end, Stream()), "a mark");
    Demand(cudaEventSynchronize(end), "the work between two marks");
    float ms = 0;
    Demand(cudaEventElapsedTime(&ms, begin, end), "a time");
    if (ms < kTurnMs && calls < kCallsMax) continue;
    Demand(cudaEventDestroy(begin), "an event");
    Demand(cudaEventDestroy(end), "an event");
    return ms / 1000.0 / calls;
  }
}

// Operations a second.
double DeviceMultiplyAdds(const cudaDeviceProp& device) {
  constexpr int kSteps = 4096;
  const int blocks = device.multiProcessorCount * 8;
  const DeviceFloats out(1);
  const double seconds = DeviceSecondsOf(
      [&] { MultiplyAddKernel<<<blocks, 256, 0, Stream()>>>(out.get(), 0.5f, 0.25f, kSteps); });
  return 2.0 * 16 * kSteps * 256 * blocks / seconds;
}

}  // namespace

void Demand(cudaError_t error, const char* what) { Demand(CudaError(error, what), what); }

void Demand(const Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "device-bench: %s: %s\n", what, status.message.c_str());
  std::exit(1);
}

DeviceFloats::DeviceFloats(int64_t count) {
  Demand(floats_.Allocate(static_cast<size_t>(count)), "memory");
}

DeviceFloats::DeviceFloats(int64_t count, uint64_t seed) : DeviceFloats(count) {
  const AlignedArray<float> numbers = Random(count, seed);
  Demand(cudaMemcpy(get(), numbers.get(), static_cast<size_t>(count) * sizeof(float),
                    cudaMemcpyHostToDevice),
         "a copy");
}

cudaStream_t Stream() {
  static const cudaStream_t stream = [] {
    cudaStream_t made = nullptr;
    Demand(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "a stream");
    return made;
  }();
  return stream;
}

}  // namespace quipu::bench

int main(int count, char** arguments) {
  using namespace quipu::bench;
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--pairs") == 0) options.pairs = std::atoi(arguments[i + 1]);
    if (std::strcmp(arguments[i], "--only") == 0) options.only = arguments[i + 1];
  }
  options.threads = 0;  // of the processor, which do nothing here
  options.seconds_of = DeviceSecondsOf;
  cudaDeviceProp device;
  if (const cudaError_t error = cudaGetDeviceProperties(&device, 0); error != cudaSuccess) {
    std::fprintf(stderr, "device-bench: no CUDA device: %s\n", cudaGetErrorString(error));
    return 3;
  }
  const double multiply_adds = DeviceMultiplyAdds(device);
  std::printf("{\"device\":\"%s\",\"processors\":%d,\"multiply_add_gflops\":%.4g}\n", device.name,
              device.multiProcessorCount, multiply_adds / 1e9);
  std::fflush(stdout);
  HoldProducts(options, multiply_adds);
  HoldConvolutions(options, multiply_adds);
  HoldOperators(options);
  return 0;
}
