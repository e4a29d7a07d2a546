#include "kernels/merkle/merkle_frontier.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "support/thread_pool.h"

namespace quipu::merkle {
namespace {

// Tasks whose roots are collected before they are joined to the tree.
constexpr size_t kTasksMax = 512;
constexpr size_t kDeviceLeaves = size_t{1} << kDeviceHeightMin;
// JavaScript's numbers count no further.
constexpr uint64_t kSizeMax = (uint64_t{1} << 53) - 1;

// Height of the largest subtree of the leaves to come that the tree's size allows here.
int FittingHeight(uint64_t size, size_t left, int height_max) {
  const int place = size == 0 ? height_max : std::countr_zero(size);
  return std::min({place, static_cast<int>(std::bit_width(left)) - 1, height_max});
}

void SubtreeRoot(const sha256::Kernels& kernels, const Messages& leaves, size_t first, int height,
                 uint8_t* root) {
  alignas(64) uint8_t scratch[2 * kTaskLeaves * kDigestBytes];
  uint8_t* levels[kTaskHeight + 1];
  uint8_t* at = scratch;
  for (int level = 0; level <= height; ++level) {
    levels[level] = at;
    at += (size_t{1} << (height - level)) * kDigestBytes;
  }
  HashSubtree(kernels, leaves, first, height, levels);
  std::memcpy(root, levels[height], kDigestBytes);
}

}  // namespace

Frontier::Frontier(uint64_t size, const uint8_t* digests)
    : size_(size), depth_(static_cast<size_t>(std::popcount(size))) {
  if (depth_ > 0) std::memcpy(digests_, digests, depth_ * kDigestBytes);
}

Status Frontier::Append(const Kernels& kernels, const Messages& leaves, size_t first,
                        size_t count) {
  if (count > kSizeMax - size_) {
    return Error(Code::kLimitExceeded, "a tree has at most 2^53 - 1 leaves");
  }
  if (leaves.on_device && kernels.device == nullptr) {
    return Error(Code::kInvalidArgument, "the leaves are on a device, and the backend is not cuda",
                 "make the tree with the backend cuda");
  }
  for (const size_t end = first + count; first < end;) {
    const size_t left = end - first;
    uint8_t root[kDigestBytes];
    const int on_device = FittingHeight(size_, left, kDeviceHeightMax);
    const bool device = kernels.device != nullptr && !device_failed_;
    if (leaves.on_device || (device && on_device >= kDeviceHeightMin)) {
      uint8_t* levels[kDeviceHeightMax + 1] = {};
      levels[on_device] = root;
      const Status status = kernels.device(leaves, first, on_device, levels);
      device_failed_ = !status.ok();
      if (device_failed_ && leaves.on_device) return status;
      if (device_failed_) continue;
      Push(*kernels.sha256, root, on_device);
      first += size_t{1} << on_device;
      continue;
    }
    const int height = FittingHeight(size_, left, kTaskHeight);
    if (height == kTaskHeight && left >= 2 * kTaskLeaves) {
      // No further than to where the device may take over.
      const size_t most = device ? kDeviceLeaves - size_ % kDeviceLeaves : left;
      first += PushTasks(*kernels.sha256, leaves, first, std::min(left, most));
    } else {
      SubtreeRoot(*kernels.sha256, leaves, first, height, root);
      Push(*kernels.sha256, root, height);
      first += size_t{1} << height;
    }
  }
  return Status{};
}

// Whole tasks over all threads; returns how many leaves they were.
size_t Frontier::PushTasks(const sha256::Kernels& kernels, const Messages& leaves, size_t first,
                           size_t count) {
  const size_t tasks = std::min(count / kTaskLeaves, kTasksMax);
  uint8_t roots[kTasksMax * kDigestBytes];
  ThreadPool::Shared().ParallelFor(tasks, [&](size_t task) {
    SubtreeRoot(kernels, leaves, first + task * kTaskLeaves, kTaskHeight,
                roots + task * kDigestBytes);
  });
  for (size_t task = 0; task < tasks; ++task) {
    Push(kernels, roots + task * kDigestBytes, kTaskHeight);
  }
  return tasks * kTaskLeaves;
}

void Frontier::Push(const sha256::Kernels& kernels, const uint8_t* root, int height) {
  std::memcpy(digests_ + depth_ * kDigestBytes, root, kDigestBytes);
  ++depth_;
  // Each carry of the addition joins two subtrees of equal size.
  for (uint64_t carry = size_ >> height; (carry & 1) != 0; carry >>= 1) {
    uint8_t* const left = digests_ + (depth_ - 2) * kDigestBytes;
    HashNode(kernels, left, left + kDigestBytes, left);
    --depth_;
  }
  size_ += uint64_t{1} << height;
}

void Frontier::Root(const Kernels& kernels, uint8_t root[kDigestBytes]) const {
  if (depth_ == 0) return HashNothing(*kernels.sha256, root);
  std::memcpy(root, digests_ + (depth_ - 1) * kDigestBytes, kDigestBytes);
  for (size_t i = depth_ - 1; i > 0; --i) {
    HashNode(*kernels.sha256, digests_ + (i - 1) * kDigestBytes, root, root);
  }
}

}  // namespace quipu::merkle
