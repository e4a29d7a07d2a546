// BLAKE3 of many messages at once: a lone short message leaves all lanes but one idle, a batch
// fills them.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_MANY_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_MANY_H_

#include <cstddef>
#include <cstdint>

#include "kernels/blake3/blake3_hasher.h"
#include "quipu/go_on.h"
#include "quipu/messages.h"

namespace quipu::blake3 {

// Digests, kCvBytes each, of `count` messages from `first` on. `mode` says which hash (plain,
// keyed, derive-key); it has taken no input yet. Uses all threads of the pool, until `go_on` stops
// it.
Status HashMany(const Hasher& mode, const Messages& messages, size_t first, size_t count,
                uint8_t* digests, const GoOn& go_on);

}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_MANY_H_
