// Launch of the CUDA cumulative sum. Pointers are device pointers. Include only from .cu files.
#ifndef QUIPU_KERNELS_SCAN_SCAN_CUDA_H_
#define QUIPU_KERNELS_SCAN_SCAN_CUDA_H_

#include <cuda_runtime_api.h>

#include "kernels/scan/scan.h"

namespace quipu {

cudaError_t LaunchScan(const Scan& job, DType dtype, cudaStream_t stream);

}  // namespace quipu

#endif  // QUIPU_KERNELS_SCAN_SCAN_CUDA_H_
