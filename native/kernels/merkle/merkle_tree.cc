#include "kernels/merkle/merkle_tree.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

#include "kernels/sha256/sha256_many.h"
#include "support/thread_pool.h"

namespace quipu::merkle {
namespace {

// The largest power of two under `count`, which is at least 2: where a tree of that many leaves
// splits.
uint64_t Split(uint64_t count) { return std::bit_floor(count - 1); }

// Proofs are found from the root down and told from the leaf up.
std::vector<uint8_t> Reversed(const std::vector<uint8_t>& digests) {
  std::vector<uint8_t> reversed(digests.size());
  for (size_t at = 0; at < digests.size(); at += kDigestBytes) {
    std::memcpy(reversed.data() + digests.size() - at - kDigestBytes, digests.data() + at,
                kDigestBytes);
  }
  return reversed;
}

uint8_t* PushBack(std::vector<uint8_t>& digests) {
  digests.resize(digests.size() + kDigestBytes);
  return digests.data() + digests.size() - kDigestBytes;
}

}  // namespace

bool DigestArray::Reserve(size_t wanted) {
  if (wanted <= capacity_) return true;
  // Half as much again, so that appending one by one copies each digest a few times only.
  const size_t capacity = count == 0 ? wanted : std::max(wanted, capacity_ + capacity_ / 2);
  AlignedArray<uint8_t> larger = AllocateAligned<uint8_t>(capacity * kDigestBytes);
  if (larger == nullptr) return false;
  if (count > 0) std::memcpy(larger.get(), data_.get(), count * kDigestBytes);
  data_ = std::move(larger);
  capacity_ = capacity;
  return true;
}

size_t Tree::memory_bytes() const {
  size_t bytes = 0;
  for (const DigestArray& level : levels_) bytes += level.capacity_bytes();
  return bytes;
}

Status Tree::Reserve(uint64_t size) {
  const size_t height = static_cast<size_t>(std::bit_width(size));
  if (levels_.size() < height) levels_.resize(height);
  for (size_t level = 0; level < height; ++level) {
    if (levels_[level].Reserve(size >> level)) continue;
    return Error(Code::kLimitExceeded, "out of memory for a tree of that many leaves",
                 "append to a frontier, which keeps a few hundred bytes and proves nothing");
  }
  return Status{};
}

Status Tree::Append(const Kernels& kernels, const Messages& leaves, size_t first_leaf, size_t count,
                    const GoOn& go_on) {
  const uint64_t old_size = size();
  const uint64_t new_size = old_size + count;
  Status status = Reserve(new_size);
  if (!status.ok() || count == 0) return status;
  const uint64_t shift = old_size - first_leaf;  // leaf i of the tree is message i - shift
  // Whole blocks by task, each with its levels; what is before and after them level by level.
  const uint64_t blocks_first = (old_size + kTaskLeaves - 1) >> kTaskHeight;
  const uint64_t blocks_end = std::max(new_size >> kTaskHeight, blocks_first);
  const auto hash_leaves = [&](uint64_t first, uint64_t end) {
    if (first >= end) return Status{};
    return sha256::HashMany(*kernels.sha256, leaves, first - shift, end - first, kLeafPrefix,
                            levels_[0].at(first), go_on);
  };
  const uint64_t head_end = std::min(blocks_first << kTaskHeight, new_size);
  status = hash_leaves(old_size, head_end);
  if (status.ok()) status = AppendBlocks(kernels, leaves, shift, blocks_first, blocks_end, go_on);
  if (status.ok()) status = hash_leaves(std::max(blocks_end << kTaskHeight, head_end), new_size);
  if (!status.ok()) return status;
  levels_[0].count = new_size;
  for (size_t level = 1; level < levels_.size(); ++level) {
    const uint64_t first = old_size >> level, end = new_size >> level;
    if (level > kTaskHeight) {
      FillLevel(*kernels.sha256, level, first, end);
    } else {
      const int above = kTaskHeight - static_cast<int>(level);
      FillLevel(*kernels.sha256, level, first, std::min(blocks_first << above, end));
      FillLevel(*kernels.sha256, level, std::max(blocks_end << above, first), end);
    }
    levels_[level].count = end;
  }
  return status;
}

// Blocks of kTaskLeaves leaves, `first` to `end` - 1; leaf i of the tree is message i - shift.
Status Tree::AppendBlocks(const Kernels& kernels, const Messages& leaves, uint64_t shift,
                          uint64_t first, uint64_t end, const GoOn& go_on) {
  const auto levels_at = [&](uint64_t block, uint8_t* levels[]) {
    for (int level = 0; level <= kTaskHeight; ++level) {
      levels[level] = levels_[level].at(block << (kTaskHeight - level));
    }
  };
  while (kernels.device != nullptr && !device_failed_ &&
         end - first >= (uint64_t{1} << (kDeviceHeightMin - kTaskHeight))) {
    const int height =
        std::min(kDeviceHeightMax, static_cast<int>(std::bit_width(end - first)) - 1 + kTaskHeight);
    uint8_t* levels[kDeviceHeightMax + 1] = {};
    levels_at(first, levels);
    const uint64_t at = (first << kTaskHeight) - shift;
    const Status status = kernels.device(leaves, at, height, levels);
    if (status.code == Code::kLimitExceeded) break;
    device_failed_ = !status.ok();
    if (device_failed_) break;
    first += uint64_t{1} << (height - kTaskHeight);
    if (!go_on(leaves.Bytes(at, size_t{1} << height))) return Stopped();
  }
  std::atomic<bool> stopped{false};
  ThreadPool::Shared().ParallelFor(end - first, [&](size_t task) {
    if (stopped.load(std::memory_order_relaxed)) return;
    uint8_t* levels[kTaskHeight + 1];
    levels_at(first + task, levels);
    const uint64_t at = ((first + task) << kTaskHeight) - shift;
    if (!HashSubtree(*kernels.sha256, leaves, at, kTaskHeight, levels, go_on).ok()) stopped = true;
  });
  return stopped ? Stopped() : Status{};
}

void Tree::FillLevel(const sha256::Kernels& kernels, size_t level, uint64_t first, uint64_t end) {
  if (first >= end) return;
  const uint64_t tasks = (end - first + kTaskLeaves - 1) / kTaskLeaves;
  ThreadPool::Shared().ParallelFor(tasks, [&](size_t task) {
    const uint64_t at = first + task * kTaskLeaves;
    HashNodes(kernels, levels_[level - 1].at(2 * at), std::min<uint64_t>(kTaskLeaves, end - at),
              levels_[level].at(at));
  });
}

void Tree::Root(const sha256::Kernels& kernels, uint64_t size, uint8_t root[kDigestBytes]) const {
  if (size == 0) return HashNothing(kernels, root);
  RangeRoot(kernels, 0, size, root);
}

// Root over leaves `begin` to `end` - 1, a subtree of some tree: `begin` is a multiple of the
// largest power of two that the count holds.
void Tree::RangeRoot(const sha256::Kernels& kernels, uint64_t begin, uint64_t end,
                     uint8_t root[kDigestBytes]) const {
  const uint64_t count = end - begin;
  if (std::has_single_bit(count)) {
    const int level = std::countr_zero(count);
    std::memcpy(root, levels_[level].at(begin >> level), kDigestBytes);
    return;
  }
  const uint64_t middle = begin + Split(count);
  uint8_t left[kDigestBytes], right[kDigestBytes];
  RangeRoot(kernels, begin, middle, left);
  RangeRoot(kernels, middle, end, right);
  HashNode(kernels, left, right, root);
}

std::vector<uint8_t> Tree::Inclusion(const sha256::Kernels& kernels, uint64_t index,
                                     uint64_t size) const {
  std::vector<uint8_t> down;
  for (uint64_t begin = 0, end = size; end - begin > 1;) {
    const uint64_t middle = begin + Split(end - begin);
    if (index < middle) {
      RangeRoot(kernels, middle, end, PushBack(down));
      end = middle;
    } else {
      RangeRoot(kernels, begin, middle, PushBack(down));
      begin = middle;
    }
  }
  return Reversed(down);
}

std::vector<uint8_t> Tree::Consistency(const sha256::Kernels& kernels, uint64_t from,
                                       uint64_t to) const {
  std::vector<uint8_t> down;
  if (from == 0 || from == to) return down;
  uint64_t begin = 0, end = to;
  while (from != end) {
    const uint64_t middle = begin + Split(end - begin);
    if (from <= middle) {
      RangeRoot(kernels, middle, end, PushBack(down));
      end = middle;
    } else {
      RangeRoot(kernels, begin, middle, PushBack(down));
      begin = middle;
    }
  }
  // The old tree's root is known to whoever asks, unless it is only the last part of the old tree.
  if (begin > 0) RangeRoot(kernels, begin, end, PushBack(down));
  return Reversed(down);
}

std::vector<uint8_t> Tree::Frontier(uint64_t size) const {
  std::vector<uint8_t> digests;
  uint64_t begin = 0;
  for (int level = std::bit_width(size) - 1; level >= 0; --level) {
    if (((size >> level) & 1) == 0) continue;
    std::memcpy(PushBack(digests), levels_[level].at(begin >> level), kDigestBytes);
    begin += uint64_t{1} << level;
  }
  return digests;
}

}  // namespace quipu::merkle
