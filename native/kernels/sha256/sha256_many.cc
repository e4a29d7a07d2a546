#include "kernels/sha256/sha256_many.h"

#include <algorithm>

#include "kernels/sha256/sha256.h"
#include "kernels/sha256/sha256_one.h"
#include "support/message_tasks.h"

namespace quipu::sha256 {

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

void HashMany(const Kernels& kernels, const Messages& messages, size_t first, size_t count,
              int prefix, uint8_t* digests) {
  ForMessages(messages, first, count, [&](size_t at, size_t some) {
    HashSome(kernels, messages, at, some, prefix, digests + (at - first) * kDigestBytes);
  });
}

}  // namespace quipu::sha256
