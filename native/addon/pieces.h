// Long work in pieces, between which it may be stopped.
#ifndef QUIPU_ADDON_PIECES_H_
#define QUIPU_ADDON_PIECES_H_

#include <algorithm>

#include "quipu/messages.h"
#include "quipu/status.h"

namespace quipu {

constexpr size_t kPieceBytes = size_t{16} << 20;
constexpr size_t kPieceMessages = size_t{1} << 16;

inline Status Stopped() { return Error(Code::kCancelled, "hashing was cancelled"); }

// Calls work(piece) for all of `data`; go_on(bytes done) false stops with CANCELLED.
template <class GoOn, class Work>
Status InPieces(ByteView data, const GoOn& go_on, const Work& work) {
  for (size_t at = 0; at < data.size; at += kPieceBytes) {
    const size_t size = std::min(kPieceBytes, data.size - at);
    work(ByteView{data.data + at, size});
    if (!go_on(size)) return Stopped();
  }
  return Status{};
}

// Calls work(first, count) → Status for all messages; the same of messages.
template <class GoOn, class Work>
Status InPieces(const Messages& messages, const GoOn& go_on, const Work& work) {
  for (size_t at = 0; at < messages.count; at += kPieceMessages) {
    const size_t count = std::min(kPieceMessages, messages.count - at);
    Status status = work(at, count);
    if (!status.ok()) return status;
    if (!go_on(messages.Bytes(at, count))) return Stopped();
  }
  return Status{};
}

}  // namespace quipu

#endif  // QUIPU_ADDON_PIECES_H_
