// CUDA calls that fail become a Status. Include only where nvcc's headers are on the path: .cu
// files, and .cc files under #if QUIPU_CUDA.
#ifndef QUIPU_SUPPORT_CUDA_CHECK_H_
#define QUIPU_SUPPORT_CUDA_CHECK_H_

#include <cuda_runtime_api.h>

#include <string>

#include "quipu/status.h"

namespace quipu {

inline Status CudaError(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return Status{};
  const std::string text = std::string(what) + " failed: " + cudaGetErrorString(error);
  switch (error) {
    case cudaErrorMemoryAllocation:
    case cudaErrorInvalidConfiguration:  // more thread blocks than it starts at once
      return Error(Code::kDeviceMemory, text, "use a smaller job or the CPU");
    case cudaErrorInsufficientDriver:
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorNoKernelImageForDevice:
      return Error(Code::kBackendUnavailable, text, "run `quipu doctor` to see why");
    default:
      // Sticky errors leave the context unusable: the supervisor ends this process and runs again.
      return Error(Code::kDeviceLost, text);
  }
}

// At the start of each entry: a call that failed before, such as an allocation, is still this
// thread's last error; a launch asks for the last error and must not be blamed for it. Errors of a
// lost device cannot be cleared.
inline void ForgetCudaError() { (void)cudaGetLastError(); }

}  // namespace quipu

// Returns the Status of a failed CUDA runtime call from the enclosing function.
#define QUIPU_CUDA_RETURN_IF_ERROR(call)                  \
  do {                                                    \
    const cudaError_t quipu_cuda_error = (call);          \
    if (quipu_cuda_error != cudaSuccess) {                \
      return ::quipu::CudaError(quipu_cuda_error, #call); \
    }                                                     \
  } while (false)

// Starts kernel(arguments...). The unit tests, which run kernels on a processor, do it in their own
// way.
#ifndef QUIPU_CUDA_START_SHARED
#define QUIPU_CUDA_START_SHARED(kernel, blocks, threads, shared_bytes, stream, ...) \
  kernel<<<static_cast<unsigned>(blocks), (threads), (shared_bytes), (stream)>>>(__VA_ARGS__)
// In a kernel: the shared memory that its launch gives it beyond what it declares.
#define QUIPU_SHARED_AT_LAUNCH(type, name) extern __shared__ type name[]
#endif
#define QUIPU_CUDA_START(kernel, blocks, threads, stream, ...) \
  QUIPU_CUDA_START_SHARED(kernel, blocks, threads, 0, stream, __VA_ARGS__)

// The same, and returns the Status of one that cannot start from the enclosing function.
#define QUIPU_CUDA_LAUNCH(kernel, ...)                       \
  do {                                                       \
    QUIPU_CUDA_START(kernel, __VA_ARGS__);                   \
    const cudaError_t quipu_cuda_error = cudaGetLastError(); \
    if (quipu_cuda_error != cudaSuccess) {                   \
      return ::quipu::CudaError(quipu_cuda_error, #kernel);  \
    }                                                        \
  } while (false)

#endif  // QUIPU_SUPPORT_CUDA_CHECK_H_
