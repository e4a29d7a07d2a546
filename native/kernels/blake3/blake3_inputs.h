// BLAKE3 of many inputs of any lengths, one a lane. A lane whose input ends takes the next one, so
// different lengths keep all lanes busy; equal lengths run in step and cost hardly more than
// chunks.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_INPUTS_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_INPUTS_H_

#include <algorithm>
#include <cstring>

#include "kernels/blake3/blake3_lanes.h"

namespace quipu::blake3 {
namespace {

template <class Vector, int kGroups>
class InputLanes {
 public:
  InputLanes(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags)
      : inputs_(inputs), count_(count), key_(key), flags_in_common_(flags) {
    fetch_ = inputs[0].data;
    for (size_t i = 1; i < count; ++i) {
      if (inputs[i].data != inputs[i - 1].data + inputs[i - 1].size) fetch_ = nullptr;
    }
    for (size_t lane = 0; lane < kLanes; ++lane) Start(lane);
  }

  void Run() {
    while (active_ > 0) {
      uint32_t steps = kBlocksPerChunk;
      for (size_t lane = 0; lane < kLanes; ++lane) steps = std::min(steps, left_[lane]);
      Compress(steps);
      for (size_t lane = 0; lane < kLanes; ++lane) {
        rows_[lane] += steps * kBlockBytes;
        left_[lane] -= steps;
      }
      for (size_t lane = 0; lane < kLanes; ++lane) {
        if (left_[lane] == 0) GoOn(lane);
      }
    }
  }

 private:
  using Word = typename Vector::Word;
  static constexpr size_t kLanes = kGroups * Vector::kLanes;

  // Where a lane is in its input. Blocks of the same kind go by without a look at the lane.
  enum class Block : uint8_t { kFirst, kMiddle, kLast };

  void GoOn(size_t lane) {
    const Input* const input = input_[lane];
    if (input != nullptr) {
      const size_t whole = WholeBlocks(input->size);
      if (block_[lane] == Block::kFirst && whole > 1) {
        block_[lane] = Block::kMiddle;
        left_[lane] = static_cast<uint32_t>(whole - 1);
        flag_[lane] = flags_in_common_;
        return;
      }
      if (block_[lane] != Block::kLast && whole > 0) return SetLast(lane, 0);
      Finish(lane);
    }
    Start(lane);
  }

  void Start(size_t lane) {
    if (next_ == count_) {  // idle: its results are nobody's
      input_[lane] = nullptr;
      rows_[lane] = idle_;
      left_[lane] = kBlocksPerChunk;
      return;
    }
    const Input& input = inputs_[next_++];
    ++active_;
    input_[lane] = &input;
    rows_[lane] = input.data;
    fresh_[lane] = ~uint32_t{0};
    low_[lane] = static_cast<uint32_t>(input.counter);
    high_[lane] = static_cast<uint32_t>(input.counter >> 32);
    if (WholeBlocks(input.size) == 0) return SetLast(lane, kChunkStart);
    block_[lane] = Block::kFirst;
    left_[lane] = 1;
    length_[lane] = kBlockBytes;
    flag_[lane] = flags_in_common_ | kChunkStart;
  }

  void SetLast(size_t lane, uint32_t start) {
    const Input& input = *input_[lane];
    const size_t rest = input.size - WholeBlocks(input.size) * kBlockBytes;
    block_[lane] = Block::kLast;
    left_[lane] = 1;
    length_[lane] = static_cast<uint32_t>(rest);
    flag_[lane] = flags_in_common_ | start | kChunkEnd | input.flags;
    if (rest == kBlockBytes) return;
    std::memset(last_[lane], 0, kBlockBytes);
    if (rest > 0) std::memcpy(last_[lane], rows_[lane], rest);
    rows_[lane] = last_[lane];
  }

  void Finish(size_t lane) {
    uint32_t cv[8];
    for (int i = 0; i < 8; ++i) {
      std::memcpy(&cv[i],
                  reinterpret_cast<const uint8_t*>(&cv_[lane / Vector::kLanes][i]) +
                      lane % Vector::kLanes * sizeof(uint32_t),
                  sizeof(uint32_t));
    }
    std::memcpy(input_[lane]->cv, cv, kCvBytes);  // both sides are little endian
    --active_;
  }

  void Compress(uint32_t steps) {
    alignas(64) Word cv[kGroups][8], m[kGroups][16];
    Tail<Vector> tail[kGroups];
    for (int g = 0; g < kGroups; ++g) {
      const size_t lane = g * Vector::kLanes;
      // Not written word by word where they lie: a vector load would wait for each of those writes.
      const Word fresh = Vector::Load(fresh_ + lane);
      for (int i = 0; i < 8; ++i) {
        cv[g][i] = Vector::Select(fresh, Vector::Broadcast(key_[i]), cv_[g][i]);
      }
      tail[g] = {Vector::Load(low_ + lane), Vector::Load(high_ + lane),
                 Vector::Load(length_ + lane), Vector::Load(flag_ + lane)};
    }
    for (uint32_t step = 0; step < steps; ++step) {
      for (int g = 0; g < kGroups; ++g) {
        LoadBlock<Vector>(rows_ + g * Vector::kLanes, step * kBlockBytes, m[g]);
      }
      CompressLanes<Vector, kGroups>(cv, m, tail, Ahead());
    }
    for (int g = 0; g < kGroups; ++g) {
      for (int i = 0; i < 8; ++i) cv_[g][i] = cv[g][i];
    }
    std::memset(fresh_, 0, sizeof(fresh_));
  }

  // The next lines to fetch: of inputs that lie in a row, as messages of a batch mostly do.
  const uint8_t* Ahead() {
    constexpr size_t kBytes = kLanes * kLineBytes;
    if (fetch_ == nullptr || next_ == count_) return idle_;
    const Input& last = inputs_[count_ - 1];
    const uint8_t* const end = last.data + last.size;
    const uint8_t* const at = std::max(fetch_, inputs_[next_].data);
    if (at > end || static_cast<size_t>(end - at) < kBytes) return idle_;
    if (at > inputs_[next_].data + kAheadBytes) return idle_;
    fetch_ = at + kBytes;
    return at;
  }

  const Input* const inputs_;
  const size_t count_;
  const uint32_t* const key_;
  const uint32_t flags_in_common_;
  const uint8_t* fetch_;  // null where inputs lie scattered
  size_t next_ = 0;
  size_t active_ = 0;
  const Input* input_[kLanes];
  const uint8_t* rows_[kLanes];
  alignas(64) uint32_t left_[kLanes];  // blocks of the kind that the lane is in
  Block block_[kLanes];
  alignas(64) Word cv_[kGroups][8] = {};
  alignas(64) uint32_t fresh_[kLanes] = {};  // all bits set where a lane begins an input
  alignas(64) uint32_t low_[kLanes];
  alignas(64) uint32_t high_[kLanes];
  alignas(64) uint32_t length_[kLanes];
  alignas(64) uint32_t flag_[kLanes];
  alignas(64) uint8_t last_[kLanes][kBlockBytes];
  uint8_t idle_[2 * kChunkBytes] = {};
};

}  // namespace
}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_INPUTS_H_
