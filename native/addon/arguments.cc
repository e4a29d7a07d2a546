#include "addon/arguments.h"

#include "addon/environment.h"

namespace quipu {
namespace {

Napi::Uint8Array ByteArray(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    RefuseArgument(info.Env(), name, "must be a Uint8Array");
  }
  const Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  // Napi has no name for a SharedArrayBuffer in version 8: it is what is no ArrayBuffer.
  if (!array.Get("buffer").IsArrayBuffer()) {
    RefuseArgument(info.Env(), name, "must not be shared memory");
  }
  return array;
}

}  // namespace

void RefuseArgument(Napi::Env env, const char* name, const std::string& why) {
  Throw(env, Error(Code::kInvalidArgument, std::string(name) + " " + why));
}

ByteView BytesArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Uint8Array array = ByteArray(info, index, name);
  return ByteView{array.Data(), array.ByteLength()};
}

uint8_t* OutputArgument(const Napi::CallbackInfo& info, size_t index, const char* name,
                        size_t size) {
  Napi::Uint8Array array = ByteArray(info, index, name);
  if (size != 0 && array.ByteLength() != size) {
    RefuseArgument(info.Env(), name, "must have " + std::to_string(size) + " bytes");
  }
  return array.Data();
}

std::string StringArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsString()) RefuseArgument(info.Env(), name, "must be a string");
  return info[index].As<Napi::String>().Utf8Value();
}

Backend BackendArgument(const Napi::CallbackInfo& info, size_t index) {
  const Napi::Value value = info[index];
  std::string asked;
  if (!value.IsUndefined()) asked = StringArgument(info, index, "backend");
  Backend backend = Backend::kPortable;
  ThrowIfError(info.Env(), ResolveBackend(asked, &backend));
  return backend;
}

}  // namespace quipu
