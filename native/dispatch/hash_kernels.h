// The hash kernels of each backend.
#ifndef QUIPU_DISPATCH_HASH_KERNELS_H_
#define QUIPU_DISPATCH_HASH_KERNELS_H_

#include "dispatch/backend.h"
#include "kernels/blake3/blake3_kernels.h"
#include "kernels/merkle/merkle.h"
#include "kernels/sha256/sha256_kernels.h"

namespace quipu {

struct HashKernels {
  blake3::Kernels blake3;
  sha256::Kernels sha256;
  merkle::DeviceSubtree merkle_device;  // null on CPU backends

  merkle::Kernels merkle() const { return merkle::Kernels{&sha256, merkle_device}; }
};

// `backend` must be usable here (ResolveBackend). cuda takes large inputs to the device and runs
// the rest on the best CPU kernels.
const HashKernels& HashKernelsOf(Backend backend);

}  // namespace quipu

#endif  // QUIPU_DISPATCH_HASH_KERNELS_H_
