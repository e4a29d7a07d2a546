// Owners of device and pinned host memory. Include only from .cu files.
#ifndef QUIPU_SUPPORT_CUDA_MEMORY_H_
#define QUIPU_SUPPORT_CUDA_MEMORY_H_

#include <cuda_runtime_api.h>

#include <cstddef>

#include "support/cuda_check.h"

namespace quipu {

template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  ~DeviceArray() { (void)cudaFree(data_); }  // on a lost device there is nothing left to free
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  Status Allocate(size_t count) {
    (void)cudaFree(data_);
    data_ = nullptr;
    return CudaError(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)), "cudaMalloc");
  }
  T* get() const { return data_; }

 private:
  T* data_ = nullptr;
};

}  // namespace quipu

#endif  // QUIPU_SUPPORT_CUDA_MEMORY_H_
