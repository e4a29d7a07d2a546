// A range of elements is cut into boxes, and since no order is asked for, each box is walked along
// the axes that suit memory best: those of the target outermost first, then one plane of two axes
// at a time, in which elements lie close together on both sides (copy_plane.h).
#include "kernels/copy/copy.h"

#include <algorithm>
#include <utility>

#include "kernels/copy/copy_plane.h"

namespace quipu {
namespace {

// A view pair with strides in bytes, so that an element may become as wide as what lies together.
struct Box {
  const char* from;
  char* to;
  int64_t bytes;  // of an element
  int32_t rank;
  CopyAxis axes[kRankMax];
};

// Part of a box along its first axis.
Box Rows(const Box& box, int64_t first, int64_t count) {
  Box rows = box;
  rows.from += first * box.axes[0].from;
  rows.to += first * box.axes[0].to;
  rows.axes[0].size = count;
  return rows;
}

// One step along its first axis, without that axis.
Box Row(const Box& box, int64_t at) {
  Box row = Rows(box, at, 1);
  --row.rank;
  std::copy(box.axes + 1, box.axes + box.rank, row.axes);
  return row;
}

// Targets ascend along every axis, innermost last; what lies together on both sides is one axis.
void Arrange(Box* box) {
  for (int32_t i = 0; i < box->rank; ++i) {
    CopyAxis& axis = box->axes[i];
    if (axis.to >= 0) continue;
    box->from += (axis.size - 1) * axis.from;
    box->to += (axis.size - 1) * axis.to;
    axis.from = -axis.from;
    axis.to = -axis.to;
  }
  std::stable_sort(box->axes, box->axes + box->rank,
                   [](const CopyAxis& a, const CopyAxis& b) { return a.to > b.to; });
  int32_t rank = 0;
  for (int32_t i = 0; i < box->rank; ++i) {
    const CopyAxis axis = box->axes[i];
    if (axis.size == 1) continue;
    CopyAxis* const outer = rank > 0 ? &box->axes[rank - 1] : nullptr;
    if (outer != nullptr && outer->from == axis.from * axis.size &&
        outer->to == axis.to * axis.size) {
      *outer = CopyAxis{outer->size * axis.size, axis.from, axis.to};
    } else {
      box->axes[rank++] = axis;
    }
  }
  box->rank = rank;
}

// A short run of elements on both sides becomes one wider element.
void Widen(Box* box) {
  if (box->rank == 0) return;
  const CopyAxis& last = box->axes[box->rank - 1];
  if (last.from != box->bytes || last.to != box->bytes) return;
  const int64_t run = last.size * box->bytes;
  if (run != 2 && run != 4 && run != 8 && run != 16) return;
  box->bytes = run;
  --box->rank;
}

// Beside the innermost axis of the target comes the one along which the source is read most
// closely, if it is another one.
void PairAxes(Box* box) {
  const auto step = [](const CopyAxis& axis) { return axis.from < 0 ? -axis.from : axis.from; };
  CopyAxis* const last = box->axes + box->rank - 1;
  CopyAxis* best = last;
  for (CopyAxis* axis = box->axes; axis < last; ++axis) {
    if (step(*axis) > 0 && step(*axis) < step(*best)) best = axis;
  }
  if (best != last) std::rotate(best, best + 1, last);
}

void CopyBox(Box box) {
  Arrange(&box);
  Widen(&box);
  if (box.rank > 1) PairAxes(&box);
  const CopyAxis one{1, 0, 0};
  const CopyPlane plane = {box.rank > 1 ? box.axes[box.rank - 2] : one,
                           box.rank > 0 ? box.axes[box.rank - 1] : one, box.bytes};
  const int32_t outer = std::max(box.rank - 2, 0);
  int64_t at[kRankMax] = {};
  for (;;) {
    CopyPlaneElements(plane, box.from, box.to);
    int32_t axis = outer - 1;
    for (; axis >= 0; --axis) {
      const CopyAxis& walked = box.axes[axis];
      box.from += walked.from;
      box.to += walked.to;
      if (++at[axis] < walked.size) break;
      box.from -= walked.from * walked.size;
      box.to -= walked.to * walked.size;
      at[axis] = 0;
    }
    if (axis < 0) return;
  }
}

// Elements [begin, end) of a box in row-major order: the end of one row, whole rows, the beginning
// of another.
void CopyRange(const Box& box, int64_t begin, int64_t end) {
  if (begin >= end) return;
  if (box.rank == 0) return CopyBox(box);
  int64_t row = 1;
  for (int32_t axis = 1; axis < box.rank; ++axis) row *= box.axes[axis].size;
  if (const int64_t before = begin % row; before != 0) {
    const int64_t until = std::min(row, before + end - begin);
    CopyRange(Row(box, begin / row), before, until);
    begin += until - before;
  }
  const int64_t whole = (end - begin) / row;
  if (whole > 0) CopyBox(Rows(box, begin / row, whole));
  begin += whole * row;
  if (begin < end) CopyRange(Row(box, begin / row), 0, end - begin);
}

template <class Element>
void FillOf(void* to, uint64_t bits, int64_t count) {
  std::fill_n(static_cast<Element*>(to), count, static_cast<Element>(bits));
}

}  // namespace

int64_t CopyCount(const Copy& job) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < job.rank; ++axis) count *= job.shape[axis];
  return count;
}

Copy MergedCopy(const Copy& job) {
  Copy merged = job;
  merged.rank = 0;
  const bool empty = CopyCount(job) == 0;
  for (int32_t axis = 0; axis < job.rank && !empty; ++axis) {
    const int64_t size = job.shape[axis];
    if (size == 1) continue;
    const int32_t last = merged.rank - 1;
    if (last >= 0 && merged.from_stride[last] == job.from_stride[axis] * size &&
        merged.to_stride[last] == job.to_stride[axis] * size) {
      merged.shape[last] *= size;
    } else {
      merged.shape[merged.rank++] = size;
    }
    merged.from_stride[merged.rank - 1] = job.from_stride[axis];
    merged.to_stride[merged.rank - 1] = job.to_stride[axis];
  }
  if (merged.rank == 0) {
    merged.rank = 1;
    merged.shape[0] = empty ? 0 : 1;
    merged.from_stride[0] = merged.to_stride[0] = 1;
  }
  return merged;
}

void CopyElements(const Copy& job, int64_t begin, int64_t end) {
  const Copy merged = MergedCopy(job);
  Box box = {static_cast<const char*>(job.from),
             static_cast<char*>(job.to),
             job.element_bytes,
             merged.rank,
             {}};
  for (int32_t axis = 0; axis < merged.rank; ++axis) {
    box.axes[axis] = CopyAxis{merged.shape[axis], merged.from_stride[axis] * job.element_bytes,
                              merged.to_stride[axis] * job.element_bytes};
  }
  CopyRange(box, begin, end);
}

void FillElements(void* to, int32_t element_bytes, uint64_t bits, int64_t count) {
  switch (element_bytes) {
    case 1:
      return FillOf<uint8_t>(to, bits, count);
    case 2:
      return FillOf<uint16_t>(to, bits, count);
    case 4:
      return FillOf<uint32_t>(to, bits, count);
    default:
      return FillOf<uint64_t>(to, bits, count);
  }
}

}  // namespace quipu
