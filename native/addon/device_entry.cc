// deviceUpload, deviceFree and blake3Device: bytes that lie on a device, hashed there.
#include <memory>
#include <utility>

#include "addon/arguments.h"
#include "addon/async_task.h"
#include "addon/blake3_mode.h"
#include "addon/device_argument.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "addon/guarded.h"

namespace quipu {
namespace {

constexpr napi_type_tag kDeviceTag = {0x71756970752d6465, 0x766963652d627974};

class UploadTask final : public AsyncTask {
 public:
  // (data)
  explicit UploadTask(const Napi::CallbackInfo& info) : data_(BytesArgument(info, 0, "data")) {}

 protected:
  Status Execute() override { return DeviceBytes::Upload(data_, &uploaded_); }

  Napi::Value Result(Napi::Env env) override {
    const auto external =
        Napi::External<DeviceHandle>::New(env, new DeviceHandle(std::move(uploaded_)),
                                          [](Napi::Env, DeviceHandle* handle) { delete handle; });
    external.TypeTag(&kDeviceTag);
    return external;
  }

 private:
  const ByteView data_;
  DeviceHandle uploaded_;
};

class HashTask final : public AsyncTask {
 public:
  // (device, out, keyOrContext, backend)
  explicit HashTask(const Napi::CallbackInfo& info)
      : bytes_(DeviceArgument(info, 0, "device")),
        out_(OutputArgument(info, 1, "out")),
        hasher_(MakeBlake3Hasher(info, 2, HashKernelsOf(BackendArgument(info, 3)))) {
    if (hasher_.kernels().device_subtree == nullptr) {
      RefuseArgument(info.Env(), "backend", "must be cuda: that is where the data lies");
    }
  }

 protected:
  Status Execute() override {
    const Status status = hasher_.UpdateFrom(DeviceSource(*bytes_), bytes_->size());
    if (status.code == Code::kIo) {
      return Error(Code::kDeviceLost, "the device's memory can no longer be read",
                   "hash the bytes where they came from");
    }
    if (status.ok()) hasher_.Digest(0, out_.data, out_.size);
    return status;
  }
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

 private:
  const DeviceHandle bytes_;
  const OutputView out_;
  blake3::Hasher hasher_;
};

// (device): tasks that use the memory keep it until they end.
void Free(const Napi::CallbackInfo& info) {
  DeviceArgument(info, 0, "device");
  info[0].As<Napi::External<DeviceHandle>>().Data()->reset();
}

}  // namespace

DeviceHandle DeviceArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (info[index].IsExternal()) {
    const auto external = info[index].As<Napi::External<DeviceHandle>>();
    if (external.CheckTypeTag(&kDeviceTag) && *external.Data() != nullptr) return *external.Data();
  }
  RefuseArgument(info.Env(), name, "must be what deviceUpload gave, and not freed");
}

void RegisterDevice(Napi::Env env, Napi::Object exports) {
  exports.Set("deviceUpload", Napi::Function::New(env, StartTask<UploadTask>));
  exports.Set("deviceFree", Napi::Function::New(env, Free));
  exports.Set("blake3Device", Napi::Function::New(env, StartTask<HashTask>));
}

}  // namespace quipu
