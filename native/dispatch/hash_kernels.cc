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

// See Kernels::few. One SHA unit does in turn what four lanes do with two of them idle, or sixteen
// with half of them; without a unit one message takes half as long as all lanes together.
constexpr size_t kFewOfFour = 2, kFewOfSixteen = 8, kFewWithoutUnit = 2;

using RunSha256 = void (*)(const sha256::Run&, int prefix, uint8_t* digests);

// Sixteen lanes or the SHA extensions: which is faster differs from processor to processor by more
// than a quarter either way, and no feature bit tells. They take turns, so that whatever disturbs
// the processor disturbs both; the best time of each counts. Whoever else uses this core at the
// moment slows the one SHA unit more than the lanes, so those must be an eighth faster to be taken.
// A quarter of a millisecond, once.
bool LanesAreFaster(RunSha256 lanes, RunSha256 unit) {
  using std::chrono::steady_clock;
  constexpr size_t kMessages = 128, kBytes = 512;
  constexpr int kTurns = 5;
  static const uint8_t data[kMessages * kBytes] = {};
  uint8_t digests[kMessages * sha256::kDigestBytes];
  steady_clock::duration best[2] = {steady_clock::duration::max(), steady_clock::duration::max()};
  for (int turn = 0; turn < 2 * kTurns; ++turn) {
    const auto start = steady_clock::now();
    const sha256::Run run{data, kBytes, kMessages};
    (turn % 2 == 0 ? lanes : unit)(run, sha256::kNoPrefix, digests);
    best[turn % 2] = std::min(best[turn % 2], steady_clock::now() - start);
  }
  return best[0] + best[0] / 8 < best[1];
}

#if QUIPU_X86
HashKernels Avx2() {
  HashKernels kernels = {
      {blake3::ChunksAvx2, blake3::ParentsAvx2, blake3::InputsAvx2, blake3::BlocksAvx2,
       blake3::CompressAvx2, nullptr},
      {sha256::BlocksPortable, sha256::ManyAvx2, sha256::RunAvx2, kFewWithoutUnit},
      nullptr,
  };
  if (Cpu().sha) {
    kernels.sha256 = {sha256::BlocksShani, sha256::ManyShani, sha256::RunShani, kFewOfFour};
  }
  return kernels;
}

HashKernels Avx512() {
  HashKernels kernels = {
      {blake3::ChunksAvx512, blake3::ParentsAvx512, blake3::InputsAvx512, blake3::BlocksAvx512,
       blake3::CompressAvx512, nullptr},
      {sha256::BlocksPortable, sha256::ManyAvx512, sha256::RunAvx512, kFewWithoutUnit},
      nullptr,
  };
  if (!Cpu().sha) return kernels;
  if (LanesAreFaster(sha256::RunAvx512, sha256::RunShaniAvx512)) {
    kernels.sha256.blocks = sha256::BlocksShani;
    kernels.sha256.few = kFewOfSixteen;
  } else {
    kernels.sha256 = {sha256::BlocksShani, sha256::ManyShaniAvx512, sha256::RunShaniAvx512,
                      kFewOfFour};
  }
  return kernels;
}
#endif

// What this processor cannot run is portable: not even its speed may be tried.
Tables Fill() {
  const HashKernels portable = {
      {blake3::ChunksPortable, blake3::ParentsPortable, blake3::InputsPortable,
       blake3::BlocksPortable, blake3::CompressPortable, nullptr},
      {sha256::BlocksPortable, sha256::ManyPortable, sha256::RunPortable, 0},
      nullptr,
  };
  Tables tables = {portable, portable, portable, portable};
#if QUIPU_X86
  if (Cpu().avx2) tables.cuda = tables.avx2 = Avx2();
  if (Cpu().avx512) tables.cuda = tables.avx512 = Avx512();
#endif
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
