// Of a build without CUDA; the other is device_bytes.cu.
#include "support/device_bytes.h"

#if !QUIPU_CUDA

namespace quipu {

Status DeviceBytes::Upload(ByteView, std::shared_ptr<DeviceBytes>*) {
  return Error(Code::kBackendUnavailable, "this build has no CUDA kernels",
               "hash the bytes on the CPU");
}

DeviceBytes::~DeviceBytes() = default;

Status DeviceBytes::Download(uint64_t, size_t, uint8_t*) const {
  return Error(Code::kBackendUnavailable, "this build has no CUDA kernels");
}

}  // namespace quipu

#endif
