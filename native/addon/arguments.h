// Checks of what JavaScript passes, on the JavaScript thread. Each throws INVALID_ARGUMENT that
// names the argument.
#ifndef QUIPU_ADDON_ARGUMENTS_H_
#define QUIPU_ADDON_ARGUMENTS_H_

#include <napi.h>

#include <string>

#include "dispatch/backend.h"
#include "quipu/views.h"

namespace quipu {

// Memory of a Uint8Array, lent. Detached and shared memory is refused: the first is gone, the
// second may change under the hash.
ByteView BytesArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

struct OutputView {
  uint8_t* data = nullptr;
  size_t size = 0;
};

// The same of any value, not only of an argument.
OutputView LentBytes(Napi::Env env, napi_value value, const char* name);

// The same, to be written.
OutputView OutputArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// The same with an exact size.
uint8_t* OutputArgument(const Napi::CallbackInfo& info, size_t index, const char* name,
                        size_t size);

std::string StringArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// A path as text or, where it is not UTF-8, as its bytes.
std::string PathArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// A whole number from 0 to 2^53 - 1.
uint64_t CountArgument(const Napi::CallbackInfo& info, size_t index, const char* name);

// Optional backend name; absent means automatic.
Backend BackendArgument(const Napi::CallbackInfo& info, size_t index);

[[noreturn]] void RefuseArgument(Napi::Env env, const char* name, const std::string& why);

}  // namespace quipu

#endif  // QUIPU_ADDON_ARGUMENTS_H_
