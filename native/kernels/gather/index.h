// Indices of gather and scatter: int64 or int32, counted from the end when negative. One out of
// range is the model's or the data's error, told with its place, and never followed.
#ifndef QUIPU_KERNELS_GATHER_INDEX_H_
#define QUIPU_KERNELS_GATHER_INDEX_H_

#include <stdint.h>

#include "kernels/copy/copy.h"
#include "quipu/device.h"

namespace quipu {

struct BadIndex {
  int64_t position;  // in the list of indices; on a device -1 while there is none
  int64_t index;
  int64_t size;  // of the axis that has no such index
};

struct IndexList {
  const void* data;
  bool wide;  // int64, otherwise int32

  QUIPU_HOST_DEVICE int64_t At(int64_t position) const {
    return wide ? static_cast<const int64_t*>(data)[position]
                : static_cast<const int32_t*>(data)[position];
  }
};

// The place on an axis of `size` that `index` names, or -1.
QUIPU_HOST_DEVICE static inline int64_t PlaceOf(int64_t index, int64_t size) {
  const int64_t place = index < 0 ? index + size : index;
  return place >= 0 && place < size ? place : -1;
}

// The place that the index at `position` names, or -1 after telling why.
static inline int64_t PlaceAt(const IndexList& indices, int64_t position, int64_t size,
                              BadIndex* bad) {
  const int64_t index = indices.At(position);
  const int64_t place = PlaceOf(index, size);
  if (place < 0) *bad = BadIndex{position, index, size};
  return place;
}

// Lists of tuples, each of which names a slice of [dims...].
struct TupleList {
  IndexList indices;  // [tuples, depth]
  int32_t depth;      // at most kRankMax
  int64_t dims[kRankMax];
};

// How many slices there are.
static inline int64_t SlicesOf(const TupleList& list) {
  int64_t slices = 1;
  for (int32_t d = 0; d < list.depth; ++d) slices *= list.dims[d];
  return slices;
}

// The number of the slice that a tuple names, or -1; then `*bad` is which of its indices is wrong.
QUIPU_HOST_DEVICE static inline int64_t SliceOf(const TupleList& list, int64_t tuple,
                                                int32_t* bad) {
  int64_t slice = 0;
  QUIPU_ROLLED
  for (int32_t d = 0; d < list.depth; ++d) {
    const int64_t place = PlaceOf(list.indices.At(tuple * list.depth + d), list.dims[d]);
    if (place < 0) {
      *bad = d;
      return -1;
    }
    slice = slice * list.dims[d] + place;
  }
  return slice;
}

// The same, after telling why.
static inline int64_t SliceAt(const TupleList& list, int64_t tuple, BadIndex* bad) {
  int32_t d = 0;
  const int64_t slice = SliceOf(list, tuple, &d);
  if (slice < 0) {
    const int64_t position = tuple * list.depth + d;
    *bad = BadIndex{position, list.indices.At(position), list.dims[d]};
  }
  return slice;
}

// The tensors of an elementwise gather or scatter.
struct ElementShapes {
  int32_t rank;  // 1 … kRankMax
  int32_t axis;  // that the indices are about
  int64_t data_shape[kRankMax];
  int64_t index_shape[kRankMax];  // nowhere above data_shape, but along the axis
};

// How the elements of an index tensor lie in a data tensor of as many axes, when the axis that the
// indices are about is left out.
struct ElementWalk {
  int32_t rank;
  int64_t shape[kRankMax];   // of the index tensor, axes merged
  int64_t stride[kRankMax];  // in the data; 0 along the axis
  int64_t axis_stride;
  int64_t axis_size;

  QUIPU_HOST_DEVICE int64_t Locate(int64_t element) const {
    int64_t at = 0;
    QUIPU_ROLLED
    for (int32_t axis = rank - 1; axis >= 0; --axis) {
      at += element % shape[axis] * stride[axis];
      element /= shape[axis];
    }
    return at;
  }
};

// Of the index tensor.
static inline int64_t ElementsOf(const ElementWalk& walk) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < walk.rank; ++axis) count *= walk.shape[axis];
  return count;
}

static inline ElementWalk ElementWalkOf(const ElementShapes& of) {
  Copy walk = {};
  walk.rank = of.rank;
  int64_t data_stride = 1;
  int64_t index_stride = 1;
  int64_t axis_stride = 1;
  for (int32_t i = of.rank - 1; i >= 0; --i) {
    if (i == of.axis) axis_stride = data_stride;
    walk.shape[i] = of.index_shape[i];
    walk.from_stride[i] = i == of.axis ? 0 : data_stride;
    walk.to_stride[i] = index_stride;
    data_stride *= of.data_shape[i];
    index_stride *= of.index_shape[i];
  }
  walk = MergedCopy(walk);
  ElementWalk merged = {walk.rank, {}, {}, axis_stride, of.data_shape[of.axis]};
  for (int32_t i = 0; i < walk.rank; ++i) {
    merged.shape[i] = walk.shape[i];
    merged.stride[i] = walk.from_stride[i];
  }
  return merged;
}

}  // namespace quipu

#endif  // QUIPU_KERNELS_GATHER_INDEX_H_
