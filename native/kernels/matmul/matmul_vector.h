// Which way a matrix product goes on the vector backends.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_VECTOR_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_VECTOR_H_

#include "kernels/matmul/matmul_packed.h"
#include "kernels/matmul/matmul_skinny.h"

namespace quipu {
namespace {

template <typename Isa>
void MatmulVector(const Matmul& job, float* scratch) {
  if (job.panels.data != nullptr) {
    return MatmulPacked<Isa>(job, PackedColumns{job.panels}, scratch);
  }
  if (job.m <= kSkinnyRowsMax) return MatmulSkinny<Isa>(job, scratch);
  MatmulPacked<Isa>(job, MatrixColumns<Isa>{job}, scratch);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_VECTOR_H_
