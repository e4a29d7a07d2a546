#include "dispatch/hash_kernels.h"

#include "support/cpu_features.h"

namespace quipu {
namespace {

struct Tables {
  HashKernels portable;
  HashKernels avx2;
  HashKernels avx512;
  HashKernels cuda;
};

Tables Fill() {
  const HashKernels portable = {
      {blake3::ChunksPortable, blake3::ParentsPortable, blake3::BlocksPortable,
       blake3::CompressPortable, nullptr},
      {sha256::BlocksPortable, sha256::ManyPortable},
      nullptr,
  };
  Tables tables = {portable, portable, portable, portable};
#if QUIPU_X86
  tables.avx2.blake3.chunks = blake3::ChunksAvx2;
  tables.avx2.blake3.parents = blake3::ParentsAvx2;
  if (Cpu().sha) tables.avx2.sha256 = {sha256::BlocksShani, sha256::ManyShani};

  tables.avx512.blake3 = {blake3::ChunksAvx512, blake3::ParentsAvx512, blake3::BlocksAvx512,
                          blake3::CompressAvx512, nullptr};
  tables.avx512.sha256 = {Cpu().sha ? sha256::BlocksShani : sha256::BlocksPortable,
                          sha256::ManyAvx512};
#endif
  const Backend best = BestCpuBackend();
  tables.cuda = best == Backend::kAvx512 ? tables.avx512
                : best == Backend::kAvx2 ? tables.avx2
                                         : portable;
#if QUIPU_CUDA
  tables.cuda.blake3.device_subtree = blake3::SubtreeCuda;
  tables.cuda.merkle_root_on_device = merkle::RootCuda;
#endif
  return tables;
}

}  // namespace

const HashKernels& HashKernelsOf(Backend backend) {
  static const Tables tables = Fill();
  switch (backend) {
    case Backend::kPortable:
      return tables.portable;
    case Backend::kAvx2:
      return tables.avx2;
    case Backend::kAvx512:
      return tables.avx512;
    case Backend::kCuda:
      return tables.cuda;
  }
  return tables.portable;
}

}  // namespace quipu
