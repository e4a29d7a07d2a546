// Bytes on a device as JavaScript holds them: an External that the addon knows by its tag.
#ifndef QUIPU_ADDON_DEVICE_ARGUMENT_H_
#define QUIPU_ADDON_DEVICE_ARGUMENT_H_

#include <napi.h>

#include <memory>

#include "support/device_bytes.h"

namespace quipu {

using DeviceHandle = std::shared_ptr<DeviceBytes>;

// Throws INVALID_ARGUMENT for anything else, and for bytes that have been freed.
DeviceHandle DeviceArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

}  // namespace quipu

#endif  // QUIPU_ADDON_DEVICE_ARGUMENT_H_
