// The hash kernels of each backend.
#ifndef QUIPU_DISPATCH_HASH_KERNELS_H_
#define QUIPU_DISPATCH_HASH_KERNELS_H_

#include "dispatch/backend.h"
#include "kernels/hash/blake3_kernels.h"
#include "kernels/hash/merkle.h"
#include "kernels/hash/sha256_kernels.h"

namespace quipu {

struct HashKernels {
  blake3::Kernels blake3;
  sha256::Kernels sha256;
  Status (*merkle_root_on_device)(merkle::Leaves leaves, uint8_t* root);  // null on CPU backends
};

// `backend` must be usable here (ResolveBackend). cuda takes large inputs to the device and runs
// the rest on the best CPU kernels.
const HashKernels& HashKernelsOf(Backend backend);

}  // namespace quipu

#endif  // QUIPU_DISPATCH_HASH_KERNELS_H_
