#include "kernels/merkle/merkle.h"

#include <cstring>

#include "kernels/sha256/sha256_many.h"
#include "kernels/sha256/sha256_one.h"

namespace quipu::merkle {

void HashNodes(const sha256::Kernels& kernels, const uint8_t* children, size_t count,
               uint8_t* nodes) {
  sha256::HashSome(kernels, Messages{children, nullptr, 2 * kDigestBytes, count}, 0, count,
                   kNodePrefix, nodes);
}

void HashNode(const sha256::Kernels& kernels, const uint8_t* left, const uint8_t* right,
              uint8_t* node) {
  uint8_t pair[2 * kDigestBytes];
  std::memcpy(pair, left, kDigestBytes);
  std::memcpy(pair + kDigestBytes, right, kDigestBytes);
  sha256::HashOne(kernels.blocks, ByteView{pair, sizeof(pair)}, kNodePrefix, node);
}

void HashNothing(const sha256::Kernels& kernels, uint8_t* root) {
  sha256::HashOne(kernels.blocks, ByteView{}, sha256::kNoPrefix, root);
}

Status HashSubtree(const sha256::Kernels& kernels, const Messages& leaves, size_t first, int height,
                   uint8_t* const levels[], const GoOn& go_on) {
  size_t count = size_t{1} << height;
  Status status = sha256::HashMany(kernels, leaves, first, count, kLeafPrefix, levels[0], go_on);
  if (!status.ok()) return status;
  for (int level = 1; level <= height; ++level) {
    count /= 2;
    HashNodes(kernels, levels[level - 1], count, levels[level]);
  }
  return status;
}

}  // namespace quipu::merkle
