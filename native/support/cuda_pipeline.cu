#include "support/cuda_pipeline.h"

namespace quipu {

Status CudaPipeline::Acquire(std::unique_lock<std::mutex>* lock, CudaPipeline** pipeline) {
  // Never destroyed: at the end of the process the runtime may be gone before it.
  static std::mutex* const mutex = new std::mutex();
  static CudaPipeline* const shared = new CudaPipeline();
  *lock = std::unique_lock<std::mutex>(*mutex);
  ForgetCudaError();
  Status status;
  if (!shared->open_) {
    status = shared->Open();
    if (!status.ok()) shared->Close();  // the next call tries again
  }
  *pipeline = shared;
  return status;
}

Status CudaPipeline::Open() {
  QUIPU_CUDA_RETURN_IF_ERROR(cudaMalloc(reinterpret_cast<void**>(&workspace_), kWorkspaceBytes));
  uint8_t* scratch = workspace_;
  for (Slot& slot : slots_) {
    slot.scratch = scratch;
    scratch += kSegmentBytes;
    QUIPU_CUDA_RETURN_IF_ERROR(
        cudaMallocHost(reinterpret_cast<void**>(&slot.pinned), kSegmentBytes));
    QUIPU_CUDA_RETURN_IF_ERROR(cudaMalloc(reinterpret_cast<void**>(&slot.device), kSegmentBytes));
    QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamCreateWithFlags(&slot.stream, cudaStreamNonBlocking));
    QUIPU_CUDA_RETURN_IF_ERROR(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming));
  }
  open_ = true;
  return Status{};
}

void CudaPipeline::Close() {
  // Results are of no use: on a lost device there is nothing left to free.
  for (Slot& slot : slots_) {
    if (slot.copied != nullptr) (void)cudaEventDestroy(slot.copied);
    if (slot.stream != nullptr) (void)cudaStreamDestroy(slot.stream);
    (void)cudaFree(slot.device);
    (void)cudaFreeHost(slot.pinned);
    slot = Slot();
  }
  (void)cudaFree(workspace_);
  workspace_ = nullptr;
  open_ = false;
}

Status CudaPipeline::Finish() {
  Status status;
  for (Slot& slot : slots_) {
    const Status ended = CudaError(cudaStreamSynchronize(slot.stream), "cudaStreamSynchronize");
    if (status.ok()) status = ended;
  }
  return status;
}

}  // namespace quipu
