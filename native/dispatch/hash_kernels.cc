#include "dispatch/hash_kernels.h"

#include <algorithm>
#include <chrono>

#include "kernels/sha256/sha256.h"
#include "support/cpu_features.h"

namespace quipu {
namespace {

struct Tables {
  HashKernels portable;
  HashKernels avx2;
  HashKernels avx512;
  HashKernels cuda;
};

// Sixteen lanes or the SHA extensions: which is faster differs from processor to processor by more
// than a quarter either way, and no feature bit tells. Some fifty microseconds, once.
std::chrono::nanoseconds TimeRun(void (*run)(const sha256::Run&, int, uint8_t*)) {
  constexpr size_t kMessages = 32, kBytes = 512;
  constexpr int kTrials = 5;
  static const uint8_t data[kMessages * kBytes] = {};
  uint8_t digests[kMessages * sha256::kDigestBytes];
  auto best = std::chrono::nanoseconds::max();
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto start = std::chrono::steady_clock::now();
    run(sha256::Run{data, kBytes, kMessages}, sha256::kNoPrefix, digests);
    best = std::min(best, std::chrono::nanoseconds(std::chrono::steady_clock::now() - start));
  }
  return best;
}

Tables Fill() {
  const HashKernels portable = {
      {blake3::ChunksPortable, blake3::ParentsPortable, blake3::InputsPortable,
       blake3::BlocksPortable, blake3::CompressPortable, nullptr},
      {sha256::BlocksPortable, sha256::ManyPortable, sha256::RunPortable},
      nullptr,
  };
  Tables tables = {portable, portable, portable, portable};
#if QUIPU_X86
  tables.avx2.blake3 = {blake3::ChunksAvx2, blake3::ParentsAvx2,  blake3::InputsAvx2,
                        blake3::BlocksAvx2, blake3::CompressAvx2, nullptr};
  tables.avx2.sha256 = {sha256::BlocksPortable, sha256::ManyAvx2, sha256::RunAvx2};
  if (Cpu().sha) {
    tables.avx2.sha256 = {sha256::BlocksShani, sha256::ManyShani, sha256::RunShani};
  }

  tables.avx512.blake3 = {blake3::ChunksAvx512, blake3::ParentsAvx512,  blake3::InputsAvx512,
                          blake3::BlocksAvx512, blake3::CompressAvx512, nullptr};
  tables.avx512.sha256 = {sha256::BlocksPortable, sha256::ManyAvx512, sha256::RunAvx512};
  if (Cpu().sha) {
    tables.avx512.sha256.blocks = sha256::BlocksShani;
    if (TimeRun(sha256::RunShaniAvx512) < TimeRun(sha256::RunAvx512)) {
      tables.avx512.sha256.many = sha256::ManyShaniAvx512;
      tables.avx512.sha256.run = sha256::RunShaniAvx512;
    }
  }
#endif
  const Backend best = BestCpuBackend();
  tables.cuda = best == Backend::kAvx512 ? tables.avx512
                : best == Backend::kAvx2 ? tables.avx2
                                         : portable;
#if QUIPU_CUDA
  tables.cuda.blake3.device_subtree = blake3::SubtreeCuda;
  tables.cuda.merkle_device = merkle::SubtreeCuda;
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
