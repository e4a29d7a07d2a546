// One thread an element of up to 16 bytes: the target is written in order, which is what a device's
// memory likes. Transposes have their own way (copy_transposes.h).
#include "kernels/copy/copy_cuda.h"
#include "kernels/copy/copy_transposes.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"
#include "support/cuda_words.h"

namespace quipu {
namespace {

template <class Element>
__global__ void __launch_bounds__(kGridThreads)
    CopyKernel(const __grid_constant__ DeviceCopy job, uint32_t count) {
  for (int64_t i = GridFirst(); i < count; i += GridStride()) {
    int64_t from, to;
    job.Locate(static_cast<uint32_t>(i), &from, &to);
    static_cast<Element*>(job.of.to)[to] = static_cast<const Element*>(job.of.from)[from];
  }
}

template <class Element>
__global__ void __launch_bounds__(kGridThreads)
    FillKernel(Element* to, Element bits, int64_t count) {
  for (int64_t i = GridFirst(); i < count; i += GridStride()) to[i] = bits;
}

// Two neighbours that both sides keep together become one element, as often as that can be.
void Widen(Copy* job) {
  const int32_t last = job->rank - 1;
  const auto places = reinterpret_cast<uintptr_t>(job->from) | reinterpret_cast<uintptr_t>(job->to);
  while (job->element_bytes < 16 && job->from_stride[last] == 1 && job->to_stride[last] == 1) {
    int64_t odd = job->shape[last];
    for (int32_t axis = 0; axis < last; ++axis) {
      odd |= job->from_stride[axis] | job->to_stride[axis];
    }
    if (odd % 2 != 0 || places % (2 * static_cast<uintptr_t>(job->element_bytes)) != 0) return;
    job->element_bytes *= 2;
    job->shape[last] /= 2;
    for (int32_t axis = 0; axis < last; ++axis) {
      job->from_stride[axis] /= 2;
      job->to_stride[axis] /= 2;
    }
  }
}

template <class Element>
cudaError_t LaunchHalves(const Copy& job, cudaStream_t stream);

template <class Element>
cudaError_t LaunchCopyOf(const Copy& job, cudaStream_t stream) {
  Transposes transposes;
  if (FindTransposes(job, &transposes)) {
    const int64_t blocks = UsefulBlocks(transposes.tiles);
    if (transposes.is_of_fours) {
      QUIPU_CUDA_START(TransposeFoursKernel, blocks, kTransposeThreads, stream, transposes);
    } else {
      QUIPU_CUDA_START(TransposeKernel<Element>, blocks, kTransposeThreads, stream, transposes);
    }
    return cudaGetLastError();
  }
  const int64_t count = CopyCount(job);
  if (count > INT32_MAX) return LaunchHalves<Element>(job, stream);
  QUIPU_CUDA_START(CopyKernel<Element>, GridBlocks(count), kGridThreads, stream, DeviceCopyOf(job),
                   static_cast<uint32_t>(count));
  return cudaGetLastError();
}

// One after the other.
template <class Element>
cudaError_t LaunchHalves(const Copy& job, cudaStream_t stream) {
  int32_t axis = 0;
  while (job.shape[axis] == 1) ++axis;
  Copy half = job;
  half.shape[axis] = job.shape[axis] / 2;
  const cudaError_t error = LaunchCopyOf<Element>(half, stream);
  if (error != cudaSuccess) return error;
  half.from = static_cast<const Element*>(job.from) + half.shape[axis] * job.from_stride[axis];
  half.to = static_cast<Element*>(job.to) + half.shape[axis] * job.to_stride[axis];
  half.shape[axis] = job.shape[axis] - half.shape[axis];
  return LaunchCopyOf<Element>(half, stream);
}

}  // namespace

cudaError_t LaunchCopy(const Copy& job, cudaStream_t stream) {
  Copy merged = MergedCopy(job);
  if (CopyCount(merged) == 0) return cudaSuccess;
  Widen(&merged);
  merged = MergedCopy(merged);  // an axis of two may have become one of one
  return WithWideWord(merged.element_bytes,
                      [&](auto word) { return LaunchCopyOf<decltype(word)>(merged, stream); });
}

cudaError_t LaunchFill(void* to, int32_t element_bytes, uint64_t bits, int64_t count,
                       cudaStream_t stream) {
  if (count == 0) return cudaSuccess;
  return WithWord(element_bytes, [&](auto word) {
    QUIPU_CUDA_START(FillKernel<decltype(word)>, GridBlocks(count), kGridThreads, stream,
                     static_cast<decltype(word)*>(to), static_cast<decltype(word)>(bits), count);
    return cudaGetLastError();
  });
}

}  // namespace quipu
