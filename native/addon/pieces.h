// One long input in pieces, between which it may be stopped. Stopped, a hasher is spent.
#ifndef QUIPU_ADDON_PIECES_H_
#define QUIPU_ADDON_PIECES_H_

#include <algorithm>

#include "kernels/blake3/blake3_hasher.h"
#include "kernels/sha256/sha256_hasher.h"
#include "quipu/go_on.h"
#include "support/byte_source.h"

namespace quipu {

// Asks where it reads, at least once a mebibyte.
inline Status UpdateInPieces(blake3::Hasher& hasher, ByteView data, const GoOn& go_on) {
  const Status status = hasher.UpdateFrom(StoppableMemory(data.data, go_on), data.size);
  return status.code == Code::kIo ? Stopped() : status;  // nothing else fails to be read here
}

inline Status UpdateInPieces(sha256::Hasher& hasher, ByteView data, const GoOn& go_on) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  for (size_t at = 0; at < data.size; at += kPieceBytes) {
    const size_t size = std::min(kPieceBytes, data.size - at);
    hasher.Update(ByteView{data.data + at, size});
    if (!go_on(size)) return Stopped();
  }
  return Status{};
}

}  // namespace quipu

#endif  // QUIPU_ADDON_PIECES_H_
