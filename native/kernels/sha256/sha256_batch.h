// Many messages through a machine that compresses a block of each of several at once. Included by
// one file an instruction set, which supplies `Machine` in its own unnamed namespace:
//   kLanes;
//   Reset(lane), and ResetAll();
//   Compress(rows, prefix): one block of each lane; with a prefix other than kNoPrefix that byte
//   takes the place of each block's first;
//   Store(lane, digest), and StoreAll(digests): lane after lane.
#ifndef QUIPU_KERNELS_SHA256_SHA256_BATCH_H_
#define QUIPU_KERNELS_SHA256_SHA256_BATCH_H_

#include <algorithm>
#include <cstring>

#include "kernels/lanes/fetch.h"
#include "kernels/sha256/sha256.h"
#include "kernels/sha256/sha256_kernels.h"

namespace quipu::sha256 {
namespace {

template <size_t kBytes>
[[gnu::always_inline]] inline void CopyEnds(uint8_t* to, const uint8_t* from, size_t size) {
  uint8_t first[kBytes], last[kBytes];
  std::memcpy(first, from, kBytes);
  std::memcpy(last, from + size - kBytes, kBytes);
  std::memcpy(to, first, kBytes);
  std::memcpy(to + size - kBytes, last, kBytes);
}

// Up to 64 bytes, without the call that memcpy of an unknown size is: two moves that may overlap.
[[gnu::always_inline]] inline void CopyShort(uint8_t* to, const uint8_t* from, size_t size) {
  if (size >= 32) {
    CopyEnds<32>(to, from, size);
  } else if (size >= 16) {
    CopyEnds<16>(to, from, size);
  } else if (size >= 8) {
    CopyEnds<8>(to, from, size);
  } else if (size >= 4) {
    CopyEnds<4>(to, from, size);
  } else if (size > 0) {
    to[0] = from[0];
    to[size / 2] = from[size / 2];
    to[size - 1] = from[size - 1];
  }
}

// One message cut into blocks: perhaps a copied head with the prefix, blocks read in place, and a
// padded tail. Blocks in place are shifted back by the prefix.
class Lane {
 public:
  void Start(ByteView message, int prefix, size_t index) {
    index_ = index;
    const size_t shift = prefix == kNoPrefix ? 0 : 1;
    const uint64_t total = message.size + shift;
    shift_ = shift;
    next_ = 0;
    tail_start_ = static_cast<size_t>(total / kBlockBytes);
    const size_t rest = static_cast<size_t>(total % kBlockBytes);
    body_ = message.data;
    headed_ = shift != 0 && tail_start_ > 0;
    if (headed_) {
      head_[0] = static_cast<uint8_t>(prefix);
      std::memcpy(head_ + 1, message.data, kBlockBytes - 1);
    }
    if (tail_start_ == 0 && shift != 0) {
      tail_[0] = static_cast<uint8_t>(prefix);
      CopyShort(tail_ + 1, message.data, rest - 1);
    } else {
      CopyShort(tail_, message.data + message.size - rest, rest);
    }
    blocks_ = tail_start_ + Pad(tail_, rest, total);
  }

  const uint8_t* Next() {
    const size_t block = next_++;
    if (block >= tail_start_) return tail_ + (block - tail_start_) * kBlockBytes;
    if (block == 0 && headed_) return head_;
    return body_ + (block * kBlockBytes - shift_);  // block 0 is the head when there is a shift
  }

  size_t left() const { return blocks_ - next_; }
  size_t index() const { return index_; }

 private:
  size_t index_ = 0;
  size_t shift_ = 0;
  size_t next_ = 0;
  size_t blocks_ = 0;
  size_t tail_start_ = 0;
  bool headed_ = false;
  const uint8_t* body_ = nullptr;
  alignas(64) uint8_t head_[kBlockBytes];
  alignas(64) uint8_t tail_[2 * kBlockBytes];
};

// Of a message that comes next, its first bytes are fetched; of a long one the processor sees the
// rest.
constexpr size_t kAheadBytesMax = 1024;

// Messages of any lengths: a lane whose message ends takes the next one.
template <class Machine>
inline void HashMany(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  Machine machine;
  Lane lanes[Machine::kLanes];
  bool busy[Machine::kLanes];
  size_t started = 0;
  size_t active = 0;
  const auto start = [&](size_t lane) {
    busy[lane] = started < count;
    if (!busy[lane]) return;
    lanes[lane].Start(messages[started], prefix, started);
    if (started + Machine::kLanes < count) {
      const ByteView next = messages[started + Machine::kLanes];
      FetchLines(next.data, std::min<size_t>(next.size, kAheadBytesMax));
    }
    machine.Reset(lane);
    ++started;
    ++active;
  };
  for (size_t lane = 0; lane < Machine::kLanes; ++lane) start(lane);
  alignas(64) static constexpr uint8_t kIdle[kBlockBytes] = {};
  while (active > 0) {
    const uint8_t* rows[Machine::kLanes];
    for (size_t lane = 0; lane < Machine::kLanes; ++lane) {
      rows[lane] = busy[lane] ? lanes[lane].Next() : kIdle;
    }
    machine.Compress(rows, kNoPrefix);
    for (size_t lane = 0; lane < Machine::kLanes; ++lane) {
      if (!busy[lane] || lanes[lane].left() > 0) continue;
      machine.Store(lane, digests + lanes[lane].index() * kDigestBytes);
      --active;
      start(lane);
    }
  }
}

// Messages of equal size in step: blocks are read where they lie, one byte before their place when
// there is a prefix, which replaces that byte; padding is made once for all.
template <class Machine>
class InStep {
 public:
  InStep(const Run& run, int prefix)
      : run_(run),
        prefix_(prefix),
        shift_(prefix == kNoPrefix ? 0 : 1),
        whole_((run.size + shift_) / kBlockBytes),
        rest_((run.size + shift_) % kBlockBytes) {
    for (uint8_t(&tail)[2 * kBlockBytes] : tails_) {
      if (shift_ != 0) tail[0] = static_cast<uint8_t>(prefix);  // where the message fits one block
      tail_blocks_ = Pad(tail, rest_, uint64_t{run.size} + shift_);
    }
  }

  void Hash(uint8_t* digests) {
    for (size_t first = 0; first < run_.count; first += kLanes) {
      const size_t here = std::min(run_.count - first, kLanes);
      for (size_t lane = 0; lane < kLanes; ++lane) {  // spare lanes repeat the last message
        at_[lane] = run_.data + (first + std::min(lane, here - 1)) * run_.size;
      }
      HashGroup(first == 0);
      if (here == kLanes) {
        machine_.StoreAll(digests + first * kDigestBytes);
      } else {
        for (size_t lane = 0; lane < here; ++lane) {
          machine_.Store(lane, digests + (first + lane) * kDigestBytes);
        }
      }
    }
  }

 private:
  static constexpr size_t kLanes = Machine::kLanes;

  void HashGroup(bool at_start) {
    machine_.ResetAll();
    const uint8_t* rows[kLanes];
    for (size_t block = 0; block < whole_; ++block) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        rows[lane] = at_[lane] + block * kBlockBytes - shift_;
      }
      if (block == 0 && shift_ != 0 && at_start) CopyHeads(rows);
      FetchAhead(at_[0] + block * kLanes * kBlockBytes);
      machine_.Compress(rows, block == 0 ? prefix_ : kNoPrefix);
    }
    const size_t head = whole_ == 0 ? shift_ : 0;  // bytes of the tail that are prefix
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const size_t bytes = rest_ - head;
      CopyShort(tails_[lane] + head, at_[lane] + run_.size - bytes, bytes);
    }
    for (size_t block = 0; block < tail_blocks_; ++block) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        rows[lane] = tails_[lane] + block * kBlockBytes;
      }
      machine_.Compress(rows, kNoPrefix);
    }
  }

  // As many lines as a block of each lane has, so that fetches keep pace with the work.
  void FetchAhead(const uint8_t* at) {
    constexpr size_t kAheadBytes = 16 * 1024;
    const size_t ahead = static_cast<size_t>(at - run_.data) + kAheadBytes;
    if (ahead + kLanes * kLineBytes > run_.size * run_.count) return;
    FetchLines(run_.data + ahead, kLanes * kLineBytes);
  }

  // The byte before the first message is not ours to read.
  void CopyHeads(const uint8_t* rows[kLanes]) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      if (at_[lane] != run_.data) continue;
      std::memcpy(head_ + 1, at_[lane], kBlockBytes - 1);
      rows[lane] = head_;
    }
  }

  const Run run_;
  const int prefix_;
  const size_t shift_;
  const size_t whole_;  // blocks read where they lie
  const size_t rest_;   // bytes of the tail, a prefix included
  size_t tail_blocks_ = 0;
  Machine machine_;
  const uint8_t* at_[kLanes];
  alignas(64) uint8_t head_[kBlockBytes] = {};
  alignas(64) uint8_t tails_[kLanes][2 * kBlockBytes];
};

template <class Machine>
inline void HashRun(const Run& run, int prefix, uint8_t* digests) {
  InStep<Machine>(run, prefix).Hash(digests);
}

}  // namespace
}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_BATCH_H_
