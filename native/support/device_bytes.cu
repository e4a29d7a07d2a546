#include "support/cuda_check.h"
#include "support/device_bytes.h"

namespace quipu {

Status DeviceBytes::Upload(ByteView bytes, std::shared_ptr<DeviceBytes>* uploaded) {
  ForgetCudaError();
  std::shared_ptr<DeviceBytes> copy(new DeviceBytes());
  QUIPU_CUDA_RETURN_IF_ERROR(
      cudaMalloc(reinterpret_cast<void**>(&copy->data_), bytes.size == 0 ? 1 : bytes.size));
  QUIPU_CUDA_RETURN_IF_ERROR(
      cudaMemcpy(copy->data_, bytes.data, bytes.size, cudaMemcpyHostToDevice));
  // A copy may return before its last bytes have arrived, and other streams would not wait for it.
  QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamSynchronize(nullptr));
  copy->size_ = bytes.size;
  *uploaded = std::move(copy);
  return Status{};
}

DeviceBytes::~DeviceBytes() { (void)cudaFree(data_); }  // on a lost device there is nothing to free

Status DeviceBytes::Download(uint64_t offset, size_t size, uint8_t* out) const {
  QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpy(out, data_ + offset, size, cudaMemcpyDeviceToHost));
  return Status{};
}

}  // namespace quipu
