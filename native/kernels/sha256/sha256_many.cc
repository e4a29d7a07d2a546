#include "kernels/sha256/sha256_many.h"

#include <algorithm>

#include "kernels/sha256/sha256.h"
#include "kernels/sha256/sha256_hasher.h"
#include "kernels/sha256/sha256_one.h"
#include "support/message_tasks.h"

namespace quipu::sha256 {
namespace {

// Stopped, it leaves no digest.
void HashLong(const Kernels& kernels, ByteView message, int prefix, uint8_t* digest,
              const GoOn& go_on) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  Hasher hasher(kernels);
  const uint8_t before = static_cast<uint8_t>(prefix);
  if (prefix != kNoPrefix) hasher.Update(ByteView{&before, 1});
  for (size_t at = 0; at < message.size; at += kPieceBytes) {
    if (!go_on(0)) return;
    hasher.Update(ByteView{message.data + at, std::min(kPieceBytes, message.size - at)});
  }
  hasher.Digest(digest);
}

}  // namespace

void HashSome(const Kernels& kernels, const Messages& messages, size_t first, size_t count,
              int prefix, uint8_t* digests) {
  if (count <= kernels.few) {
    for (size_t i = 0; i < count; ++i) {
      HashOne(kernels.blocks, messages.At(first + i), prefix, digests + i * kDigestBytes);
    }
    return;
  }
  if (messages.ends == nullptr) {
    const Run run{messages.data + messages.Begin(first), messages.size, count};
    kernels.run(run, prefix, digests);
    return;
  }
  ByteView views[kTaskMessagesMax];
  for (size_t done = 0; done < count; done += kTaskMessagesMax) {
    const size_t here = std::min(count - done, kTaskMessagesMax);
    for (size_t i = 0; i < here; ++i) views[i] = messages.At(first + done + i);
    kernels.many(views, here, prefix, digests + done * kDigestBytes);
  }
}

Status HashMany(const Kernels& kernels, const Messages& messages, size_t first, size_t count,
                int prefix, uint8_t* digests, const GoOn& go_on) {
  return ForMessages(messages, first, count, go_on, [&](size_t begin, size_t some) {
    const size_t end = begin + some;
    const auto digest_of = [&](size_t i) { return digests + (i - first) * kDigestBytes; };
    for (size_t at = begin; at < end;) {
      size_t next = at;
      while (next < end && messages.Bytes(next, 1) <= kLongBytes) ++next;
      HashSome(kernels, messages, at, next - at, prefix, digest_of(at));
      if (next < end) HashLong(kernels, messages.At(next), prefix, digest_of(next), go_on);
      at = next + 1;
    }
  });
}

}  // namespace quipu::sha256
