// Finds CUDA devices without ever being a reason that the addon does not load: the runtime is
// linked statically and opens the driver itself.
#include "dispatch/backend.h"

#if QUIPU_CUDA
#include <cuda_runtime_api.h>
#endif

namespace quipu {
namespace {

#if QUIPU_CUDA

// Kernels are compiled for compute capability 8.0 and later.
constexpr int kMajorMin = 8;

std::string Version(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string WhyNoDevices(cudaError_t error) {
  int driver = 0;
  int runtime = 0;
  // Both answer without a device; a failure leaves 0, which reads as "no driver".
  (void)cudaDriverGetVersion(&driver);
  (void)cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return "no NVIDIA driver is installed";
  if (error == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver supports CUDA " + Version(driver) + " and CUDA " + Version(runtime) +
           " is needed: install a newer driver";
  }
  if (error == cudaErrorNoDevice) return "the NVIDIA driver finds no device";
  return std::string("the NVIDIA driver does not answer: ") + cudaGetErrorString(error);
}

CudaFacts Probe() {
  CudaFacts facts;
  facts.compiled = true;
  int count = 0;
  const cudaError_t counted = cudaGetDeviceCount(&count);
  if (counted != cudaSuccess || count == 0) {
    facts.reason = WhyNoDevices(counted == cudaSuccess ? cudaErrorNoDevice : counted);
    return facts;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    const cudaError_t error = cudaGetDeviceProperties(&properties, i);
    if (error != cudaSuccess) {
      facts.reason =
          "device " + std::to_string(i) + " does not answer: " + cudaGetErrorString(error);
      continue;
    }
    facts.devices.push_back(CudaDevice{i, properties.name, properties.totalGlobalMem,
                                       properties.major, properties.minor});
  }
  // Work goes to device 0 of what CUDA_VISIBLE_DEVICES leaves visible.
  if (!facts.devices.empty() && facts.devices.front().index == 0) {
    facts.usable = facts.devices.front().major >= kMajorMin;
    facts.reason = facts.usable ? "" : "the device is older than compute capability 8.0";
  }
  return facts;
}

#else

CudaFacts Probe() {
  CudaFacts facts;
  facts.reason = "this build has no CUDA kernels";
  return facts;
}

#endif

}  // namespace

const CudaFacts& Cuda() {
  static const CudaFacts* const facts = new CudaFacts(Probe());
  return *facts;
}

}  // namespace quipu
