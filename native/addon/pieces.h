// Long work in pieces, between which it may be stopped. `go_on`(bytes done) is asked from any
// thread; false stops with CANCELLED.
#ifndef QUIPU_ADDON_PIECES_H_
#define QUIPU_ADDON_PIECES_H_

#include <algorithm>
#include <atomic>
#include <bit>

#include "kernels/blake3/blake3_hasher.h"
#include "kernels/sha256/sha256_hasher.h"
#include "quipu/messages.h"
#include "quipu/status.h"
#include "support/byte_source.h"
#include "support/thread_pool.h"

namespace quipu {

inline Status Stopped() { return Error(Code::kCancelled, "hashing was cancelled"); }

// Memory that is handed out for as long as `go_on` says so.
template <class GoOn>
class StoppableSource final : public ByteSource {
 public:
  StoppableSource(const uint8_t* data, const GoOn& go_on) : data_(data), go_on_(go_on) {}
  const uint8_t* Read(uint64_t offset, size_t size, uint8_t*) const override {
    return go_on_(size) ? data_ + offset : nullptr;
  }
  bool needs_scratch() const override { return false; }

 private:
  const uint8_t* const data_;
  const GoOn& go_on_;
};

// Stopped, a hasher is spent. BLAKE3 asks where it reads, at least once a mebibyte.
template <class GoOn>
Status UpdateInPieces(blake3::Hasher& hasher, ByteView data, const GoOn& go_on) {
  const StoppableSource<GoOn> source(data.data, go_on);
  const Status status = hasher.UpdateFrom(source, data.size);
  return status.code == Code::kIo ? Stopped() : status;  // nothing else fails to be read here
}

template <class GoOn>
Status UpdateInPieces(sha256::Hasher& hasher, ByteView data, const GoOn& go_on) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  for (size_t at = 0; at < data.size; at += kPieceBytes) {
    const size_t size = std::min(kPieceBytes, data.size - at);
    hasher.Update(ByteView{data.data + at, size});
    if (!go_on(size)) return Stopped();
  }
  return Status{};
}

// How much is done between two questions; but a message is done whole, however long it is.
struct PieceLimits {
  uint64_t bytes;
  size_t messages;

  // A few milliseconds' worth.
  static PieceLimits OfCpu() {
    const size_t width = ThreadPool::Shared().width();
    return PieceLimits{uint64_t{width} << 23, std::bit_floor(width << 15)};
  }
  static PieceLimits OfDevice() { return PieceLimits{uint64_t{1} << 28, size_t{1} << 20}; }
};

// Calls work(first, count) → Status for all messages. Counts are powers of two but for the last
// ones, so that trees grow by whole subtrees.
template <class GoOn, class Work>
Status InPieces(const Messages& messages, const PieceLimits& limits, const GoOn& go_on,
                const Work& work) {
  for (size_t at = 0; at < messages.count;) {
    size_t count = std::min(limits.messages, messages.count - at);
    while (count > 1 && messages.Bytes(at, count) > limits.bytes) count = std::bit_ceil(count) / 2;
    Status status = work(at, count);
    if (!status.ok()) return status;
    if (!go_on(messages.Bytes(at, count))) return Stopped();
    at += count;
  }
  return Status{};
}

}  // namespace quipu

#endif  // QUIPU_ADDON_PIECES_H_
