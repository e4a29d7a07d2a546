// Buffers of one size that the tasks of a parallel loop take and give back: as many are made as
// threads work at once.
#ifndef QUIPU_SUPPORT_SCRATCH_POOL_H_
#define QUIPU_SUPPORT_SCRATCH_POOL_H_

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "support/aligned.h"
#include "support/thread_pool.h"

namespace quipu {

class ScratchPool {
 public:
  explicit ScratchPool(size_t bytes) : bytes_(bytes) {
    free_.reserve(ThreadPool::Shared().width());  // so that Give cannot fail
  }

  // Null when memory is short.
  AlignedArray<uint8_t> Take() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        AlignedArray<uint8_t> buffer = std::move(free_.back());
        free_.pop_back();
        return buffer;
      }
    }
    return AllocateAligned<uint8_t>(bytes_);
  }

  void Give(AlignedArray<uint8_t> buffer) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(buffer));
  }

 private:
  const size_t bytes_;
  std::mutex mutex_;
  std::vector<AlignedArray<uint8_t>> free_;
};

}  // namespace quipu

#endif  // QUIPU_SUPPORT_SCRATCH_POOL_H_
