// Arrays of results as JavaScript values.
#ifndef QUIPU_ADDON_RESULTS_H_
#define QUIPU_ADDON_RESULTS_H_

#include <napi.h>

#include <cstring>
#include <vector>

namespace quipu {

inline Napi::Value BytesValue(Napi::Env env, const uint8_t* data, size_t size) {
  Napi::Uint8Array value = Napi::Uint8Array::New(env, size);
  if (size > 0) std::memcpy(value.Data(), data, size);
  return value;
}

inline Napi::Value BytesValue(Napi::Env env, const std::vector<uint8_t>& bytes) {
  return BytesValue(env, bytes.data(), bytes.size());
}

inline Napi::Value NumbersValue(Napi::Env env, const std::vector<int64_t>& numbers) {
  Napi::BigInt64Array value = Napi::BigInt64Array::New(env, numbers.size());
  if (!numbers.empty()) std::memcpy(value.Data(), numbers.data(), numbers.size() * 8);
  return value;
}

}  // namespace quipu

#endif  // QUIPU_ADDON_RESULTS_H_
