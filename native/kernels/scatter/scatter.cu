// Updates that may meet in one element lie on one line: along the axis of the indices, or the same
// element of every slice. Each line's targets are shared out among a few threads, its owners, by
// place modulo their number. An owner reads the line's indices in order and applies the updates of
// its own targets, so every element sees the same order as on a processor, without atomics. More
// owners read more indices and wait less for memory.
#include "kernels/gather/index_cuda.h"
#include "kernels/scatter/scatter_cuda.h"
#include "kernels/scatter/scatter_update.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"
#include "support/cuda_words.h"

namespace quipu {
namespace {

// Threads that keep a device busy, and how many of them may own one line.
constexpr int64_t kThreadsWanted = 1 << 16;
constexpr int64_t kOwnersMax = 1 << 12;

// A power of two; `places`: of a line's targets.
int64_t OwnersOf(int64_t lines, int64_t places) {
  int64_t owners = 1;
  while (owners < kOwnersMax && owners < places && owners * lines < kThreadsWanted) owners *= 2;
  return owners;
}

// The lines of an index tensor: [outer, count, inner], along `count`.
struct Lines {
  int64_t count;
  int64_t inner;
  int64_t lines;
  int64_t owners;
};

// What a job does with an element. Found anew for each: memory is what that waits for, and a kernel
// for every function and type is much code.
struct Updating {
  ScatterFunction function;
  DType dtype;

  template <class Word>
  __device__ __forceinline__ Word Of(Word old, Word update) const {
    if (function == ScatterFunction::kSet) return update;
    return UseFunction(function, dtype, [&](auto by) {
      using Type = typename decltype(by)::Type;
      if constexpr (sizeof(Type) == sizeof(Word)) {
        Type values[2];
        memcpy(&values[0], &old, sizeof old);
        memcpy(&values[1], &update, sizeof update);
        values[0] = by.Of(values[0], values[1]);
        memcpy(&old, &values[0], sizeof old);
      }
      return old;
    });
  }
};

template <class Word>
__global__ void __launch_bounds__(kGridThreads)
    ScatterElementsKernel(ElementWalk walk, Lines of, IndexList indices, Updating by,
                          const Word* updates, Word* to, BadIndex* bad) {
  for (int64_t i = GridFirst(); i < of.lines * of.owners; i += GridStride()) {
    // Owners of one line are neighbours only by owner: neighbouring lines read together.
    const int64_t owner = i / of.lines;
    const int64_t line = i % of.lines;
    const int64_t first = line / of.inner * of.count * of.inner + line % of.inner;
    Word* const base = to + walk.Locate(first);
    for (int64_t j = 0; j < of.count; ++j) {
      const int64_t at = first + j * of.inner;
      const int64_t place = PlaceAtOrTell(indices, at, walk.axis_size, owner != 0, bad);
      if (place < 0 || (place & (of.owners - 1)) != owner) continue;
      Word* const element = base + place * walk.axis_stride;
      *element = by.Of(*element, updates[at]);
    }
  }
}

template <class Word>
__global__ void __launch_bounds__(kGridThreads)
    ScatterNdKernel(TupleList list, Lines of, Updating by, const Word* updates, Word* to,
                    BadIndex* bad) {
  for (int64_t i = GridFirst(); i < of.lines * of.owners; i += GridStride()) {
    const int64_t owner = i / of.lines;
    const int64_t line = i % of.lines;
    for (int64_t tuple = 0; tuple < of.count; ++tuple) {
      const int64_t slice = SliceAtOrTell(list, tuple, i != 0, bad);
      if (slice < 0 || (slice & (of.owners - 1)) != owner) continue;
      Word* const element = to + slice * of.lines + line;
      *element = by.Of(*element, updates[tuple * of.lines + line]);
    }
  }
}

}  // namespace

cudaError_t LaunchScatter(const ScatterElements& job, BadIndex* bad, cudaStream_t stream) {
  const ElementWalk walk = ElementWalkOf(job);
  const int64_t total = ElementsOf(walk);
  if (total == 0) return cudaSuccess;
  Lines of = {job.index_shape[job.axis], 1, total / job.index_shape[job.axis], 1};
  for (int32_t axis = job.axis + 1; axis < job.rank; ++axis) of.inner *= job.index_shape[axis];
  of.owners = OwnersOf(of.lines, walk.axis_size);
  const Updating by = {job.function, job.dtype};
  return WithWord(DTypeBytes(job.dtype), [&](auto word) {
    using Word = decltype(word);
    QUIPU_CUDA_START(ScatterElementsKernel<Word>, GridBlocks(of.lines * of.owners), kGridThreads,
                     stream, walk, of, job.indices, by, static_cast<const Word*>(job.updates),
                     static_cast<Word*>(job.to), bad);
    return cudaGetLastError();
  });
}

cudaError_t LaunchScatter(const ScatterNd& job, BadIndex* bad, cudaStream_t stream) {
  if (job.tuples == 0 || job.inner == 0) return cudaSuccess;
  const Lines of = {job.tuples, 1, job.inner, OwnersOf(job.inner, SlicesOf(job.list))};
  const Updating by = {job.function, job.dtype};
  return WithWord(DTypeBytes(job.dtype), [&](auto word) {
    using Word = decltype(word);
    QUIPU_CUDA_START(ScatterNdKernel<Word>, GridBlocks(of.lines * of.owners), kGridThreads, stream,
                     job.list, of, by, static_cast<const Word*>(job.updates),
                     static_cast<Word*>(job.to), bad);
    return cudaGetLastError();
  });
}

}  // namespace quipu
