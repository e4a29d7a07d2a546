#include "kernels/hash/merkle.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/aligned.h"
#include "support/thread_pool.h"

namespace quipu::merkle {
namespace {

using sha256::kDigestBytes;

// Leaves of one thread's task, a power of two: a complete subtree, except for the last task. Its
// scratch of 48 KiB lies on the stack, so that a task allocates nothing and cannot fail.
constexpr size_t kTaskLeaves = 1024;

// Pairing neighbours and carrying an odd one up gives the tree of the standard: at each level all
// but the last node stand over complete subtrees.
void Reduce(const sha256::Kernels& kernels, uint8_t* digests, size_t count) {
  ByteView pairs[kTaskLeaves / 2];
  while (count > 1) {
    const size_t whole = count / 2;
    for (size_t done = 0; done < whole; done += kTaskLeaves / 2) {
      const size_t here = std::min(whole - done, kTaskLeaves / 2);
      for (size_t i = 0; i < here; ++i) {
        pairs[i] = ByteView{digests + (done + i) * 2 * kDigestBytes, 2 * kDigestBytes};
      }
      kernels.many(pairs, here, kNodePrefix, digests + done * kDigestBytes);
    }
    if (count % 2 != 0) {
      std::memmove(digests + whole * kDigestBytes, digests + (count - 1) * kDigestBytes,
                   kDigestBytes);
    }
    count = whole + count % 2;
  }
}

void Subtree(const sha256::Kernels& kernels, const Leaves& leaves, size_t first, size_t count,
             uint8_t* root) {
  ByteView messages[kTaskLeaves];
  for (size_t i = 0; i < count; ++i) {
    const uint64_t begin = first + i == 0 ? 0 : leaves.ends[first + i - 1];
    const uint64_t size = leaves.ends[first + i] - begin;
    messages[i] = ByteView{leaves.data + begin, static_cast<size_t>(size)};
  }
  alignas(64) uint8_t digests[kTaskLeaves * kDigestBytes];
  kernels.many(messages, count, kLeafPrefix, digests);
  Reduce(kernels, digests, count);
  std::memcpy(root, digests, kDigestBytes);
}

}  // namespace

Status Root(const sha256::Kernels& kernels, Leaves leaves, uint8_t root[kDigestBytes]) {
  if (leaves.count == 0) {
    const ByteView nothing;
    kernels.many(&nothing, 1, sha256::kNoPrefix, root);
    return Status{};
  }
  const size_t tasks = (leaves.count + kTaskLeaves - 1) / kTaskLeaves;
  std::vector<uint8_t> tops(tasks * kDigestBytes);
  ThreadPool::Shared().ParallelFor(tasks, [&](size_t task) {
    const size_t first = task * kTaskLeaves;
    Subtree(kernels, leaves, first, std::min(kTaskLeaves, leaves.count - first),
            tops.data() + task * kDigestBytes);
  });
  Reduce(kernels, tops.data(), tasks);
  std::memcpy(root, tops.data(), kDigestBytes);
  return Status{};
}

}  // namespace quipu::merkle
