// BLAKE3's three modes as one JavaScript argument.
#ifndef QUIPU_ADDON_BLAKE3_MODE_H_
#define QUIPU_ADDON_BLAKE3_MODE_H_

#include <napi.h>

#include "addon/arguments.h"
#include "dispatch/hash_kernels.h"
#include "kernels/blake3/blake3_hasher.h"

namespace quipu {

// undefined: hash; Uint8Array of 32 bytes: keyed hash; string: derive-key with this context.
inline blake3::Hasher MakeBlake3Hasher(const Napi::CallbackInfo& info, size_t index,
                                       const HashKernels& of_backend) {
  const blake3::Kernels& kernels = of_backend.blake3;
  const Napi::Value mode = info[index];
  if (mode.IsUndefined()) return blake3::Hasher(kernels);
  if (mode.IsString()) {
    return blake3::Hasher::DeriveKey(kernels, StringArgument(info, index, "context"));
  }
  const ByteView key = BytesArgument(info, index, "key");
  if (key.size != blake3::kKeyBytes) RefuseArgument(info.Env(), "key", "must have 32 bytes");
  return blake3::Hasher::Keyed(kernels, key.data);
}

}  // namespace quipu

#endif  // QUIPU_ADDON_BLAKE3_MODE_H_
