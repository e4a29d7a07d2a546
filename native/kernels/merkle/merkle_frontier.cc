#include "kernels/merkle/merkle_frontier.h"

#include <algorithm>
#include <atomic>
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

Status SubtreeRoot(const sha256::Kernels& kernels, const Messages& leaves, size_t first, int height,
                   uint8_t* root, const GoOn& go_on) {
  alignas(64) uint8_t scratch[2 * kTaskLeaves * kDigestBytes];
  uint8_t* levels[kTaskHeight + 1];
  uint8_t* at = scratch;
  for (int level = 0; level <= height; ++level) {
    levels[level] = at;
    at += (size_t{1} << (height - level)) * kDigestBytes;
  }
  Status status = HashSubtree(kernels, leaves, first, height, levels, go_on);
  if (status.ok()) std::memcpy(root, levels[height], kDigestBytes);
  return status;
}

}  // namespace

Frontier::Frontier(uint64_t size, const uint8_t* digests)
    : size_(size), depth_(static_cast<size_t>(std::popcount(size))) {
  if (depth_ > 0) std::memcpy(digests_, digests, depth_ * kDigestBytes);
}

Status Frontier::Append(const Kernels& kernels, const Messages& leaves, size_t first, size_t count,
                        const GoOn& go_on) {
  if (count > kSizeMax - size_) {
    return Error(Code::kLimitExceeded, "a tree has at most 2^53 - 1 leaves", "begin another tree");
  }
  if (leaves.on_device && kernels.device == nullptr) {
    return Error(Code::kInvalidArgument, "the leaves are on a device, and the backend is not cuda",
                 "make the tree with the backend cuda");
  }
  Frontier longer = *this;
  Status status = longer.Grow(kernels, leaves, first, count, go_on);
  if (status.ok()) *this = longer;
  return status;
}

Status Frontier::Grow(const Kernels& kernels, const Messages& leaves, size_t first, size_t count,
                      const GoOn& go_on) {
  bool fits = true;  // each leaf, the device's buffers
  for (const size_t end = first + count; first < end;) {
    const size_t left = end - first;
    const bool device = kernels.device != nullptr && !device_failed_ && fits;
    const int on_device = FittingHeight(size_, left, kDeviceHeightMax);
    int height = FittingHeight(size_, left, kTaskHeight);
    size_t tasks = 1;
    Status status;
    if (leaves.on_device || (device && on_device >= kDeviceHeightMin)) {
      status = PushOnDevice(kernels, leaves, first, on_device, go_on);
      if (!status.ok() && status.code != Code::kCancelled && !leaves.on_device) {
        fits = status.code != Code::kLimitExceeded;
        device_failed_ = fits;
        continue;
      }
      height = on_device;
    } else {
      // No further than to where the device may take over.
      const size_t most = device ? kDeviceLeaves - size_ % kDeviceLeaves : left;
      if (height == kTaskHeight) tasks = std::min({left, most, kTasksMax * kTaskLeaves}) >> height;
      status = PushTasks(*kernels.sha256, leaves, first, height, tasks, go_on);
    }
    if (!status.ok()) return status;
    first += tasks << height;
  }
  return Status{};
}

Status Frontier::PushOnDevice(const Kernels& kernels, const Messages& leaves, size_t first,
                              int height, const GoOn& go_on) {
  uint8_t root[kDigestBytes];
  uint8_t* levels[kDeviceHeightMax + 1] = {};
  levels[height] = root;
  Status status = kernels.device(leaves, first, height, levels);
  if (!status.ok()) return status;
  Push(*kernels.sha256, root, height);
  return go_on(leaves.Bytes(first, size_t{1} << height)) ? status : Stopped();
}

// Subtrees of one height over all threads.
Status Frontier::PushTasks(const sha256::Kernels& kernels, const Messages& leaves, size_t first,
                           int height, size_t tasks, const GoOn& go_on) {
  uint8_t roots[kTasksMax * kDigestBytes];
  std::atomic<bool> stopped{false};
  ThreadPool::Shared().ParallelFor(tasks, [&](size_t task) {
    if (stopped.load(std::memory_order_relaxed)) return;
    if (!SubtreeRoot(kernels, leaves, first + (task << height), height, roots + task * kDigestBytes,
                     go_on)
             .ok()) {
      stopped = true;
    }
  });
  if (stopped) return Stopped();
  for (size_t task = 0; task < tasks; ++task) Push(kernels, roots + task * kDigestBytes, height);
  return Status{};
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
