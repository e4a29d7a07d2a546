// One thread an element of up to 16 bytes.
#include "kernels/gather/gather_cuda.h"
#include "kernels/gather/index_cuda.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"
#include "support/cuda_words.h"

namespace quipu {
namespace {

template <class Element>
__global__ void __launch_bounds__(kGridThreads)
    GatherAxisKernel(GatherAxis job, int64_t total, BadIndex* bad) {
  const Element* const data = static_cast<const Element*>(job.data);
  for (int64_t i = GridFirst(); i < total; i += GridStride()) {
    const int64_t row = i / job.inner;
    const int64_t within = i - row * job.inner;
    const int64_t outer = row / job.count;
    const int64_t place =
        PlaceAtOrTell(job.indices, row - outer * job.count, job.axis, within != 0, bad);
    static_cast<Element*>(job.to)[i] =
        place < 0 ? Element{} : data[(outer * job.axis + place) * job.inner + within];
  }
}

template <class Element>
__global__ void __launch_bounds__(kGridThreads)
    GatherElementsKernel(ElementWalk walk, const Element* data, IndexList indices, Element* to,
                         int64_t total, BadIndex* bad) {
  for (int64_t i = GridFirst(); i < total; i += GridStride()) {
    const int64_t place = PlaceAtOrTell(indices, i, walk.axis_size, false, bad);
    to[i] = place < 0 ? Element{} : data[walk.Locate(i) + place * walk.axis_stride];
  }
}

template <class Element>
__global__ void __launch_bounds__(kGridThreads)
    GatherNdKernel(GatherNd job, int64_t total, int64_t slices, BadIndex* bad) {
  const Element* const data = static_cast<const Element*>(job.data);
  for (int64_t i = GridFirst(); i < total; i += GridStride()) {
    const int64_t row = i / job.inner;
    const int64_t within = i - row * job.inner;
    const int64_t slice = SliceAtOrTell(job.list, row, within != 0, bad);
    static_cast<Element*>(job.to)[i] =
        slice < 0 ? Element{} : data[(row / job.tuples * slices + slice) * job.inner + within];
  }
}

// Slices in as few elements as can be.
template <class Job>
Job Widened(Job job) {
  const auto places = reinterpret_cast<uintptr_t>(job.data) | reinterpret_cast<uintptr_t>(job.to);
  while (job.element_bytes < 16 && job.inner % 2 == 0 &&
         places % (2 * static_cast<uintptr_t>(job.element_bytes)) == 0) {
    job.element_bytes *= 2;
    job.inner /= 2;
  }
  return job;
}

}  // namespace

cudaError_t LaunchGather(const GatherAxis& job, BadIndex* bad, cudaStream_t stream) {
  const GatherAxis wide = Widened(job);
  const int64_t total = wide.outer * wide.count * wide.inner;
  if (total == 0) return cudaSuccess;
  return WithWideWord(wide.element_bytes, [&](auto element) {
    QUIPU_CUDA_START(GatherAxisKernel<decltype(element)>, GridBlocks(total), kGridThreads, stream,
                     wide, total, bad);
    return cudaGetLastError();
  });
}

cudaError_t LaunchGather(const GatherElements& job, BadIndex* bad, cudaStream_t stream) {
  const ElementWalk walk = ElementWalkOf(job);
  const int64_t total = ElementsOf(walk);
  if (total == 0) return cudaSuccess;
  return WithWord(job.element_bytes, [&](auto element) {
    using Element = decltype(element);
    QUIPU_CUDA_START(GatherElementsKernel<Element>, GridBlocks(total), kGridThreads, stream, walk,
                     static_cast<const Element*>(job.data), job.indices,
                     static_cast<Element*>(job.to), total, bad);
    return cudaGetLastError();
  });
}

cudaError_t LaunchGather(const GatherNd& job, BadIndex* bad, cudaStream_t stream) {
  const GatherNd wide = Widened(job);
  const int64_t total = wide.batch * wide.tuples * wide.inner;
  if (total == 0) return cudaSuccess;
  const int64_t slices = SlicesOf(wide.list);
  return WithWideWord(wide.element_bytes, [&](auto element) {
    QUIPU_CUDA_START(GatherNdKernel<decltype(element)>, GridBlocks(total), kGridThreads, stream,
                     wide, total, slices, bad);
    return cudaGetLastError();
  });
}

}  // namespace quipu
