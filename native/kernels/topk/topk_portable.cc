// The readable truth: make every element's key, sort the k greatest to the front, read them back.
#include <algorithm>
#include <functional>

#include "kernels/topk/topk.h"

namespace quipu {

void TopKF32Portable(const TopK& job, uint64_t* scratch) {
  for (int64_t row = 0; row < job.row_count; ++row) {
    const float* from = job.rows + row * job.length;
    for (int64_t i = 0; i < job.length; ++i) {
      scratch[i] = TopKKey(BitsOfF32(from[i]), i, job.largest);
    }
    std::partial_sort(scratch, scratch + job.k, scratch + job.length, std::greater<uint64_t>());
    for (int64_t rank = 0; rank < job.k; ++rank) {
      const int64_t index = TopKIndex(scratch[rank]);
      job.values[row * job.k + rank] = from[index];
      job.indices[row * job.k + rank] = index;
    }
  }
}

}  // namespace quipu
