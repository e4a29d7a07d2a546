// As much of the CUDA runtime as our kernels use, on this processor, so that their code is
// tested where there is no device. It is a severe device: a stream does nothing until somebody
// waits for it, a block's threads take turns in any order, fresh memory holds noise, and any call
// can be made to fail.
#ifndef QUIPU_TEST_EMULATED_CUDA_RUNTIME_API_H_
#define QUIPU_TEST_EMULATED_CUDA_RUNTIME_API_H_

#include <cstddef>
#include <cstdint>
#include <functional>

enum EmulatedError {
  cudaSuccess,
  cudaErrorMemoryAllocation,
  cudaErrorInsufficientDriver,
  cudaErrorNoDevice,
  cudaErrorInvalidDevice,
  cudaErrorNoKernelImageForDevice,
  cudaErrorInvalidConfiguration,
  cudaErrorInvalidValue,
  cudaErrorUnknown,
};
using cudaError_t = EmulatedError;
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
using cudaStream_t = struct EmulatedStream*;
using cudaEvent_t = struct EmulatedEvent*;
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

// Libraries beside the test program call it too.
#define EMULATED_EXPORT __attribute__((visibility("default")))

const char* cudaGetErrorString(cudaError_t error);
EMULATED_EXPORT cudaError_t cudaGetLastError();
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
// Shared memory that a kernel may be given at its launch.
int& EmulatedSharedMax(const void* kernel);
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel kernel, cudaFuncAttribute, int bytes) {
  constexpr int kMost = 163 * 1024;  // of compute capability 8.0
  if (bytes > kMost) return cudaErrorInvalidValue;
  EmulatedSharedMax(reinterpret_cast<const void*>(kernel)) = bytes;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMallocHost(void** memory, size_t bytes);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind);
// As late as for pinned memory: whoever passes other memory must not rely on its being copied at
// once.
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);

// The language of kernels.
#define __global__
#define __device__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __shared__ static
#define __constant__ static const
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }
struct alignas(16) float4 {
  float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
struct EmulatedIndex {
  unsigned x;
};
extern EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
// Blocks run one after another and their threads take turns, so every access is atomic.
inline unsigned long long atomicMin(unsigned long long* at, unsigned long long value) {
  const unsigned long long old = *at;
  if (value < old) *at = value;
  return old;
}
inline void __threadfence() {}
void __syncthreads();
// Waits for the whole block, which is more than its warp.
inline void __syncwarp() { __syncthreads(); }
// Of all warps of a block together.
template <class Value>
Value __shfl_xor_sync(unsigned, Value value, int mask) {
  static Value of_threads[1024];
  of_threads[threadIdx.x] = value;
  __syncthreads();
  const Value other = of_threads[threadIdx.x ^ static_cast<unsigned>(mask)];
  __syncthreads();
  return other;
}

EMULATED_EXPORT void EmulatedLaunch(size_t blocks, unsigned threads, cudaStream_t stream,
                                    std::function<void()> thread, size_t shared_bytes = 0);
template <class Kernel>
size_t EmulatedSharedOf(Kernel kernel, size_t bytes) {
  const int most = EmulatedSharedMax(reinterpret_cast<const void*>(kernel));
  return bytes <= static_cast<size_t>(most) ? bytes : SIZE_MAX;
}
#define QUIPU_CUDA_START_SHARED(kernel, blocks, threads, shared_bytes, stream, ...) \
  EmulatedLaunch(                                                                   \
      blocks, threads, stream, [=] { kernel(__VA_ARGS__); },                        \
      EmulatedSharedOf(kernel, shared_bytes))
// As much as the launch asked for, and nothing behind it.
void* EmulatedShared();
#define QUIPU_SHARED_AT_LAUNCH(type, name) type* const name = static_cast<type*>(EmulatedShared())

#endif  // QUIPU_TEST_EMULATED_CUDA_RUNTIME_API_H_
