// Many messages in one array, as three arguments: (data, count, ends). Message i ends at ends[i], a
// Float64Array; without it all have the same size. The array may be on a device where the callee
// can hash it there.
#ifndef QUIPU_ADDON_PACKED_H_
#define QUIPU_ADDON_PACKED_H_

#include <napi.h>

#include <vector>

#include "addon/arguments.h"
#include "addon/device_argument.h"
#include "quipu/messages.h"

namespace quipu {

class Packed {
 public:
  // Checks all of it. `ends` is copied first: where it lies it could still change, and messages end
  // outside the data.
  enum class Place { kHost, kDevice };  // kDevice: or on a device
  Packed(const Napi::CallbackInfo& info, size_t index, Place place = Place::kHost);

  Messages view() const {
    return Messages{data_.data, ends_.empty() ? nullptr : ends_.data(), size_, count_,
                    device_ != nullptr};
  }
  size_t count() const { return count_; }

 private:
  DeviceHandle device_;
  ByteView data_;
  std::vector<uint64_t> ends_;
  size_t size_ = 0;
  size_t count_ = 0;
};

}  // namespace quipu

#endif  // QUIPU_ADDON_PACKED_H_
