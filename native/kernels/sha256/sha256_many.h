// SHA-256 of many messages at once.
#ifndef QUIPU_KERNELS_SHA256_SHA256_MANY_H_
#define QUIPU_KERNELS_SHA256_SHA256_MANY_H_

#include <cstddef>
#include <cstdint>

#include "kernels/sha256/sha256_kernels.h"
#include "quipu/go_on.h"
#include "quipu/messages.h"

namespace quipu::sha256 {

// Digests of `count` messages from `first` on, each with the byte `prefix` before it unless that is
// kNoPrefix. On the calling thread.
void HashSome(const Kernels& kernels, const Messages& messages, size_t first, size_t count,
              int prefix, uint8_t* digests);

// The same over all threads of the pool, until `go_on` stops it.
Status HashMany(const Kernels& kernels, const Messages& messages, size_t first, size_t count,
                int prefix, uint8_t* digests, const GoOn& go_on);

}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_MANY_H_
