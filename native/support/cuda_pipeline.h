// Host bytes on their way through a device in segments: while one is copied and worked on, the next
// is made ready. Include only from .cu files.
#ifndef QUIPU_SUPPORT_CUDA_PIPELINE_H_
#define QUIPU_SUPPORT_CUDA_PIPELINE_H_

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "support/byte_source.h"
#include "support/cuda_check.h"
#include "support/thread_pool.h"

namespace quipu {

class CudaPipeline {
 public:
  static constexpr size_t kSegmentBytes = size_t{16} << 20;
  static constexpr size_t kSlots = 3;
  static constexpr size_t kWorkspaceBytes = (kSlots + 1) * kSegmentBytes;

  // One segment's memory, and the stream that orders all use of it.
  struct Slot {
    uint8_t* pinned = nullptr;  // kSegmentBytes each
    uint8_t* device = nullptr;
    uint8_t* scratch = nullptr;  // a part of the workspace
    cudaStream_t stream = nullptr;
    cudaEvent_t copied = nullptr;
  };

  // On the device, kWorkspaceBytes: each slot's scratch, and a segment's room behind them. Whoever
  // uses no scratch has all of it.
  uint8_t* workspace() const { return workspace_; }
  uint8_t* behind_scratch() const { return workspace_ + kSlots * kSegmentBytes; }

  // The process's one pipeline, because pinned memory is slow to get and scarce; `lock` holds it.
  static Status Acquire(std::unique_lock<std::mutex>* lock, CudaPipeline** pipeline);

  // For each segment: fill(segment, pinned, &bytes) → Status on this thread, then the copy, then
  // launch(segment, slot) → Status, which starts work on slot.stream. All has ended on return.
  template <class Fill, class Launch>
  Status Run(size_t segments, const Fill& fill, const Launch& launch) {
    Status status;
    for (size_t s = 0; s < segments && status.ok(); ++s) {
      Slot& slot = slots_[s % kSlots];
      status = Feed(s, slot, fill);
      if (status.ok()) status = launch(s, slot);
    }
    const Status ended = Finish();  // also after a failure: the slots must be idle for the next run
    return status.ok() ? ended : status;
  }

  // The same where the bytes are on the device already.
  template <class Launch>
  Status RunResident(size_t segments, const Launch& launch) {
    Status status;
    for (size_t s = 0; s < segments && status.ok(); ++s) status = launch(s, slots_[s % kSlots]);
    const Status ended = Finish();
    return status.ok() ? ended : status;
  }

 private:
  template <class Fill>
  Status Feed(size_t segment, Slot& slot, const Fill& fill) {
    QUIPU_CUDA_RETURN_IF_ERROR(cudaEventSynchronize(slot.copied));  // its earlier bytes have left
    size_t bytes = 0;
    Status status = fill(segment, slot.pinned, &bytes);
    if (!status.ok()) return status;
    // After the work on the slot's earlier bytes, which the stream holds before this.
    QUIPU_CUDA_RETURN_IF_ERROR(
        cudaMemcpyAsync(slot.device, slot.pinned, bytes, cudaMemcpyHostToDevice, slot.stream));
    QUIPU_CUDA_RETURN_IF_ERROR(cudaEventRecord(slot.copied, slot.stream));
    return status;
  }

  Status Open();
  void Close();
  Status Finish();

  bool open_ = false;
  uint8_t* workspace_ = nullptr;
  Slot slots_[kSlots];
};

// Fills pinned memory over all threads: one alone copies slower than the bus.
inline Status FillFrom(const ByteSource& source, uint64_t offset, size_t bytes, uint8_t* pinned) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  std::atomic<bool> unread{false};
  ThreadPool::Shared().ParallelFor((bytes + kPieceBytes - 1) / kPieceBytes, [&](size_t piece) {
    const size_t at = piece * kPieceBytes;
    const size_t size = bytes - at < kPieceBytes ? bytes - at : kPieceBytes;
    const uint8_t* const got = source.Read(offset + at, size, pinned + at);
    if (got == nullptr) {
      unread = true;
    } else if (got != pinned + at) {
      std::memcpy(pinned + at, got, size);
    }
  });
  return unread ? Unread() : Status{};
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_CUDA_PIPELINE_H_
