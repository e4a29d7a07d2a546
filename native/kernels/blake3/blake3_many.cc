#include "kernels/blake3/blake3_many.h"

#include <algorithm>
#include <cstring>

#include "support/byte_order.h"
#include "support/message_tasks.h"

namespace quipu::blake3 {
namespace {

// A message of more chunks than this fills the lanes by itself.
constexpr size_t kSharedChunksMax = 16;
// Chunks that are collected before the lanes start.
constexpr size_t kInputsMax = 512;

// Messages of one task: their chunks are hashed together, then each message's few parents alone.
class Batch {
 public:
  Batch(const Hasher& mode, const GoOn& go_on) : mode_(mode), go_on_(go_on) {}

  void Add(ByteView message, uint8_t* digest) {
    const size_t chunks = std::max<size_t>(1, (message.size + kChunkBytes - 1) / kChunkBytes);
    if (chunks > kSharedChunksMax) return HashAlone(message, digest);
    if (count_ + chunks > kInputsMax) Flush();
    if (chunks == 1) {
      inputs_[count_++] = Input{message.data, message.size, 0, kRoot, digest};
      return;
    }
    longer_[longer_count_++] = Longer{count_, chunks, digest};
    for (size_t i = 0; i < chunks; ++i, ++count_) {
      const size_t at = i * kChunkBytes;
      inputs_[count_] = Input{message.data + at, std::min(kChunkBytes, message.size - at), i, 0,
                              cvs_ + count_ * kCvBytes};
    }
  }

  void Flush() {
    mode_.kernels().inputs(inputs_, count_, mode_.key(), mode_.flags());
    for (size_t i = 0; i < longer_count_; ++i) Join(longer_[i]);
    count_ = 0;
    longer_count_ = 0;
  }

 private:
  struct Longer {
    size_t first, chunks;
    uint8_t* digest;
  };

  // Stopped, it leaves no digest. Its bytes are counted with those of its task.
  void HashAlone(ByteView message, uint8_t* digest) {
    Hasher hasher = mode_;
    const GoOn ask = [this](uint64_t) { return go_on_(0); };
    if (hasher.UpdateFrom(StoppableMemory(message.data, ask), message.size).ok()) {
      hasher.Digest(0, digest, kCvBytes);
    }
  }

  // Pairing neighbours and carrying an odd one up gives BLAKE3's tree: at each level all but the
  // last node stand over complete subtrees.
  void Join(const Longer& message) {
    const Kernels& kernels = mode_.kernels();
    uint8_t* const cvs = cvs_ + message.first * kCvBytes;
    size_t count = message.chunks;
    while (count > 2) {
      kernels.parents(cvs, count / 2, mode_.key(), mode_.flags(), cvs);
      if (count % 2 != 0) {
        std::memmove(cvs + count / 2 * kCvBytes, cvs + (count - 1) * kCvBytes, kCvBytes);
      }
      count = count / 2 + count % 2;
    }
    uint32_t root[16];
    kernels.compress(mode_.key(), cvs, kBlockBytes, 0, mode_.flags() | kParent | kRoot, root);
    StoreLittleEndian(root, 8, message.digest);
  }

  const Hasher& mode_;
  const GoOn& go_on_;
  size_t count_ = 0;
  size_t longer_count_ = 0;
  Input inputs_[kInputsMax];
  Longer longer_[kInputsMax / 2];
  alignas(64) uint8_t cvs_[kInputsMax * kCvBytes];
};

}  // namespace

Status HashMany(const Hasher& mode, const Messages& messages, size_t first, size_t count,
                uint8_t* digests, const GoOn& go_on) {
  return ForMessages(messages, first, count, go_on, [&](size_t at, size_t some) {
    Batch batch(mode, go_on);
    for (size_t i = at; i < at + some; ++i) {
      batch.Add(messages.At(i), digests + (i - first) * kCvBytes);
    }
    batch.Flush();
  });
}

}  // namespace quipu::blake3
