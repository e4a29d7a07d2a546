// Launch of the CUDA normalisation. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_NORMALISE_NORMALISE_CUDA_H_
#define QUIPU_KERNELS_NORMALISE_NORMALISE_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/normalise/normalise.h"

namespace quipu {

cudaError_t LaunchNormaliseF32(const Normalise& job, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_NORMALISE_NORMALISE_CUDA_H_
