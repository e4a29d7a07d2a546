// A copy of host bytes in a device's memory, made once and used often.
#ifndef QUIPU_SUPPORT_DEVICE_BYTES_H_
#define QUIPU_SUPPORT_DEVICE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "quipu/status.h"
#include "quipu/views.h"
#include "support/byte_source.h"

namespace quipu {

class DeviceBytes {
 public:
  // BACKEND_UNAVAILABLE in a build without CUDA.
  static Status Upload(ByteView bytes, std::shared_ptr<DeviceBytes>* uploaded);
  ~DeviceBytes();
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  Status Download(uint64_t offset, size_t size, uint8_t* out) const;

 private:
  DeviceBytes() = default;

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

class DeviceSource final : public ByteSource {
 public:
  explicit DeviceSource(const DeviceBytes& bytes) : bytes_(bytes) {}

  const uint8_t* Read(uint64_t offset, size_t size, uint8_t* scratch) const override {
    return bytes_.Download(offset, size, scratch).ok() ? scratch : nullptr;
  }
  bool needs_scratch() const override { return true; }
  const uint8_t* on_device() const override { return bytes_.data(); }

 private:
  const DeviceBytes& bytes_;
};

}  // namespace quipu

#endif  // QUIPU_SUPPORT_DEVICE_BYTES_H_
