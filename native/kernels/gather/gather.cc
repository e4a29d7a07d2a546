#include "kernels/gather/gather.h"

#include <string.h>

#include <algorithm>

namespace quipu {
namespace {

// Short slices are moved as one element: a call of memcpy would cost more than they do.
struct SliceMover {
  int64_t bytes;

  void operator()(const char* from, char* to) const {
    switch (bytes) {
      case 1:
        return (void)memcpy(to, from, 1);
      case 2:
        return (void)memcpy(to, from, 2);
      case 4:
        return (void)memcpy(to, from, 4);
      case 8:
        return (void)memcpy(to, from, 8);
      default:
        memcpy(to, from, static_cast<size_t>(bytes));
    }
  }
};

template <class Element>
bool GatherElementsOf(const GatherElements& job, int64_t begin, int64_t end, BadIndex* bad) {
  const ElementWalk walk = ElementWalkOf(job);
  const auto* const data = static_cast<const Element*>(job.data);
  auto* const to = static_cast<Element*>(job.to);
  const int64_t run = walk.shape[walk.rank - 1];
  const int64_t step = walk.stride[walk.rank - 1];
  while (begin < end) {
    const int64_t count = std::min(run - begin % run, end - begin);
    const Element* from = data + walk.Locate(begin);
    for (int64_t i = begin; i < begin + count; ++i, from += step) {
      const int64_t place = PlaceAt(job.indices, i, walk.axis_size, bad);
      if (place < 0) return false;
      to[i] = from[place * walk.axis_stride];
    }
    begin += count;
  }
  return true;
}

}  // namespace

bool Gather(const GatherAxis& job, int64_t begin, int64_t end, BadIndex* bad) {
  if (job.inner == 0) return true;
  const SliceMover move = {job.inner * job.element_bytes};
  while (begin < end) {
    const int64_t row = begin / job.count;
    const int64_t until = std::min(end, (row + 1) * job.count);
    const char* const data = static_cast<const char*>(job.data) + row * job.axis * move.bytes;
    for (; begin < until; ++begin) {
      const int64_t place = PlaceAt(job.indices, begin - row * job.count, job.axis, bad);
      if (place < 0) return false;
      move(data + place * move.bytes, static_cast<char*>(job.to) + begin * move.bytes);
    }
  }
  return true;
}

bool Gather(const GatherElements& job, int64_t begin, int64_t end, BadIndex* bad) {
  switch (job.element_bytes) {
    case 1:
      return GatherElementsOf<uint8_t>(job, begin, end, bad);
    case 2:
      return GatherElementsOf<uint16_t>(job, begin, end, bad);
    case 4:
      return GatherElementsOf<uint32_t>(job, begin, end, bad);
    default:
      return GatherElementsOf<uint64_t>(job, begin, end, bad);
  }
}

bool Gather(const GatherNd& job, int64_t begin, int64_t end, BadIndex* bad) {
  if (job.inner == 0) return true;
  const SliceMover move = {job.inner * job.element_bytes};
  const int64_t slices = SlicesOf(job.list);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t slice = SliceAt(job.list, row, bad);
    if (slice < 0) return false;
    move(static_cast<const char*>(job.data) + (row / job.tuples * slices + slice) * move.bytes,
         static_cast<char*>(job.to) + row * move.bytes);
  }
  return true;
}

}  // namespace quipu
