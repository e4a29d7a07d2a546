// copy  parts → y | fill, its bits; of each part: rank, from offset, to offset, shape[rank],
// from stride[rank], to stride[rank]
//
// A part is a strided view of one operand, written into a view of the result. With `fill` 1 the
// result is first filled with an element; without it the parts cover it, of which only the number
// of elements is checked: a program whose parts meet and leave a gap finds there what was there
// before, zeros or what it has itself computed, since its memory is zeroed and nobody else's.
#ifndef QUIPU_PROGRAM_OPERATORS_COPY_H_
#define QUIPU_PROGRAM_OPERATORS_COPY_H_

#include "kernels/copy/copy.h"
#include "program/words.h"

namespace quipu {

struct CopyFill {
  bool is_asked;
  uint64_t bits;

  explicit CopyFill(Words* words)
      : is_asked(words->Flag()), bits(static_cast<uint64_t>(words->Next())) {}
};

// To be read once for each operand.
struct CopyPart {
  int64_t rank, from_offset, to_offset;
  int64_t shape[kRankMax], from_stride[kRankMax], to_stride[kRankMax];

  explicit CopyPart(Words* words)
      : rank(words->Between(0, kRankMax)), from_offset(words->Size()), to_offset(words->Size()) {
    words->Sizes(shape, rank);
    words->Strides(from_stride, rank);
    words->Strides(to_stride, rank);
  }

  Copy Job(const uint8_t* from, uint8_t* to, int64_t element_bytes) const {
    Copy job = {};
    job.from = from + from_offset * element_bytes;
    job.to = to + to_offset * element_bytes;
    job.element_bytes = static_cast<int32_t>(element_bytes);
    job.rank = static_cast<int32_t>(rank);
    for (int64_t axis = 0; axis < rank; ++axis) {
      job.shape[axis] = shape[axis];
      job.from_stride[axis] = from_stride[axis];
      job.to_stride[axis] = to_stride[axis];
    }
    return MergedCopy(job);
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_COPY_H_
