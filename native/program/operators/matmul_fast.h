// The matrix products of a program on tensor cores, by cuBLASLt: fast, and not canonical. Include
// only from .cu files.
#ifndef QUIPU_PROGRAM_OPERATORS_MATMUL_FAST_H_
#define QUIPU_PROGRAM_OPERATORS_MATMUL_FAST_H_

#include <memory>
#include <vector>

#include "program/cuda_operators.h"
#include "quipu/fast.h"
#include "support/cublaslt.h"
#include "support/cuda_memory.h"

namespace quipu {

class FastMatmul {
 public:
  // Asks the library for a way to each product, for tensors that lie where `at` says: once for many
  // runs. BACKEND_UNAVAILABLE where there is no library, or where it knows no way.
  static Status Open(const CudaAddresses& at, Fast precision, std::unique_ptr<FastMatmul>* opened);
  ~FastMatmul();

  Fast precision() const { return precision_; }

  // `op` is a matmul behind the prelude.
  Status Start(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) const;

 private:
  struct Plan;
  explicit FastMatmul(Fast precision);
  cublaslt::Result Find(const CudaAddresses& at, const ProgramOperator& op, Plan* plan) const;

  const Fast precision_;
  cublaslt::Library library_{};
  cublaslt::Owned<cublaslt::OpaqueHandle> handle_{nullptr, nullptr};
  DeviceArray<uint8_t> workspace_;
  std::vector<std::unique_ptr<const Plan>> plans_;  // one an operator; null: nothing to ask for
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_MATMUL_FAST_H_
