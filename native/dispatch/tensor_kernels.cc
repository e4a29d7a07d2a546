#include "dispatch/tensor_kernels.h"

namespace quipu {
namespace {

constexpr TensorKernels kPortableKernels = {MatmulF32Portable, MapPortable, CanonicalNanF32Portable,
                                            TopKF32Portable};

#if QUIPU_X86
constexpr TensorKernels kAvx2Kernels = {MatmulF32Avx2, MapAvx2, CanonicalNanF32Avx2, TopKF32Avx2};
constexpr TensorKernels kAvx512Kernels = {MatmulF32Avx512, MapAvx512, CanonicalNanF32Avx512,
                                          TopKF32Avx512};
#endif

}  // namespace

const TensorKernels& TensorKernelsOf(Backend backend) {
#if QUIPU_X86
  switch (backend) {
    case Backend::kPortable:
      return kPortableKernels;
    case Backend::kAvx2:
      return kAvx2Kernels;
    case Backend::kAvx512:
      return kAvx512Kernels;
    case Backend::kCuda:
      return TensorKernelsOf(BestCpuBackend());
  }
#else
  (void)backend;
#endif
  return kPortableKernels;
}

}  // namespace quipu
