#include "addon/arguments.h"

#include <cmath>

#include "addon/environment.h"

namespace quipu {
// By the C interface: one call tells all of an array, and small hashes are as fast as their checks.
OutputView LentBytes(Napi::Env env, napi_value value, const char* name) {
  bool is_typed_array = false;
  napi_is_typedarray(env, value, &is_typed_array);
  napi_typedarray_type type = napi_int8_array;
  napi_value buffer = nullptr;
  void* data = nullptr;
  OutputView bytes;
  if (is_typed_array) {
    napi_get_typedarray_info(env, value, &type, &bytes.size, &data, &buffer, nullptr);
  }
  if (!is_typed_array || type != napi_uint8_array) {
    RefuseArgument(env, name, "must be a Uint8Array");
  }
  bool is_array_buffer = false;  // and not a SharedArrayBuffer
  napi_is_arraybuffer(env, buffer, &is_array_buffer);
  if (!is_array_buffer) RefuseArgument(env, name, "must not be shared memory");
  if (bytes.size == 0) {  // only then can it be detached
    bool is_detached = false;
    napi_is_detached_arraybuffer(env, buffer, &is_detached);
    if (is_detached) RefuseArgument(env, name, "must not be memory that was transferred away");
  }
  bytes.data = static_cast<uint8_t*>(data);
  return bytes;
}

void RefuseArgument(Napi::Env env, const char* name, const std::string& why) {
  Throw(env, Error(Code::kInvalidArgument, std::string(name) + " " + why));
}

ByteView BytesArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const OutputView bytes = LentBytes(info.Env(), info[index], name);
  return ByteView{bytes.data, bytes.size};
}

uint8_t* OutputArgument(const Napi::CallbackInfo& info, size_t index, const char* name,
                        size_t size) {
  const OutputView bytes = LentBytes(info.Env(), info[index], name);
  if (bytes.size != size) {
    RefuseArgument(info.Env(), name, "must have " + std::to_string(size) + " bytes");
  }
  return bytes.data;
}

OutputView OutputArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return LentBytes(info.Env(), info[index], name);
}

std::string StringArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsString()) RefuseArgument(info.Env(), name, "must be a string");
  return info[index].As<Napi::String>().Utf8Value();
}

std::string PathArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  std::string path;
  if (info[index].IsString()) {
    path = info[index].As<Napi::String>().Utf8Value();
  } else {
    const ByteView bytes = BytesArgument(info, index, name);
    path.assign(reinterpret_cast<const char*>(bytes.data), bytes.size);
  }
  if (path.find('\0') != std::string::npos) {
    RefuseArgument(info.Env(), name, "must not contain a zero byte");
  }
  return path;
}

uint64_t CountArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const double number = info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= 9007199254740991.0 && number == std::floor(number))) {
    RefuseArgument(info.Env(), name, "must be a whole number");
  }
  return static_cast<uint64_t>(number);
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
