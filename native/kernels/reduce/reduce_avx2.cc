// AVX2: rows of binary32 in registers, eight lanes each; everything else in whole runs.
#include "kernels/reduce/reduce_flat.h"
#include "kernels/reduce/reduce_rows.h"
#include "kernels/reduce/row_lanes8.h"

namespace quipu {

bool ReduceAvx2(const Reduce& job, ReduceFunction function, DType dtype) {
  const bool is_rows_f32 = dtype == DType::kF32 && job.inner == 1 && job.inner_stride == 1;
  if (is_rows_f32) return ReduceRowsF32<RowLanes8>(job, function);
  return WithFold(function, dtype, [&job](auto fold) {
    ReduceRuns<decltype(fold)>(job);
    return true;
  });
}

}  // namespace quipu
