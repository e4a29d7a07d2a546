// How two operands are walked to fill one output: axes of size 1 repeat, and neighbouring axes that
// lie one behind the other in every tensor are merged, so that the innermost run is long.
#ifndef QUIPU_PROGRAM_BROADCAST_H_
#define QUIPU_PROGRAM_BROADCAST_H_

#include "program/program.h"
#include "quipu/device.h"

namespace quipu {

struct BroadcastWalk {
  int32_t rank = 1;
  int64_t shape[kRankMax] = {1};
  // Elements between neighbours; 0 where the operand repeats. Innermost: 0 or 1.
  int64_t a_stride[kRankMax] = {};
  int64_t b_stride[kRankMax] = {};

  // Where the operands of output element `index` lie.
  QUIPU_HOST_DEVICE void Locate(int64_t index, int64_t* a, int64_t* b) const {
    *a = 0;
    *b = 0;
    for (int32_t axis = rank - 1; axis >= 0; --axis) {
      const int64_t at = index % shape[axis];
      index /= shape[axis];
      *a += at * a_stride[axis];
      *b += at * b_stride[axis];
    }
  }
};

// Of axes `skip` and up, counted from the end; strides count blocks of the skipped axes.
BroadcastWalk WalkOf(const ProgramTensor& a, const ProgramTensor& b, const ProgramTensor& out,
                     int32_t skip);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_BROADCAST_H_
