#include <algorithm>

#include "kernels/matmul/matmul_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/matmul.h"

namespace quipu {
namespace {

MatmulStack StackOf(const MatmulWords& w, int64_t matrices) {
  MatmulStack stack;
  stack.one = Matmul{nullptr, nullptr, nullptr, w.k, w.n, w.n, w.m, w.n, w.k};
  stack.matrices = matrices;
  stack.rank = w.rank;
  std::copy_n(w.shape, w.rank, stack.shape);
  std::copy_n(w.a_stride, w.rank, stack.a_stride);
  std::copy_n(w.b_stride, w.rank, stack.b_stride);
  return stack;
}

}  // namespace

int64_t MatmulScratchFloats(const Program& program, const ProgramOperator& op) {
  const int64_t elements = program.Written(op, 0).elements;
  if (elements == 0) return 0;
  Words words(op);
  const MatmulWords w(&words);
  return MatmulScratchFloats(StackOf(w, elements / (w.m * w.n)));
}

cudaError_t StartMatmul(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  const int64_t elements = at.program.Written(op, 0).elements;
  if (elements == 0) return cudaSuccess;
  Words words(op);
  const MatmulWords w(&words);
  MatmulStack stack = StackOf(w, elements / (w.m * w.n));
  stack.one.a = at.Read(op, 0);
  stack.one.b = at.Read(op, 1);
  stack.one.c = at.Written(op, 0);
  return LaunchMatmulF32(stack, at.scratch, stream);
}

}  // namespace quipu
