#include "dispatch/tensor_kernels.h"

namespace quipu {
namespace {

constexpr TensorKernels kPortableKernels = {MatmulF32Portable,
                                            nullptr,
                                            MapPortable,
                                            ReducePortable,
                                            SoftmaxF32Portable,
                                            NormaliseF32Portable,
                                            ScanPortable,
                                            ConvolutionF32Portable,
                                            MaxPoolF32Portable,
                                            AveragePoolF32Portable,
                                            CanonicalNanF32Portable,
                                            TopKF32Portable};

#if QUIPU_X86
constexpr TensorKernels kAvx2Kernels = {MatmulF32Avx2,      MatmulPackF32Avx2,   MapAvx2,
                                        ReduceAvx2,         SoftmaxF32Avx2,      NormaliseF32Avx2,
                                        ScanAvx2,           ConvolutionF32Avx2,  MaxPoolF32Avx2,
                                        AveragePoolF32Avx2, CanonicalNanF32Avx2, TopKF32Avx2};
constexpr TensorKernels kAvx512Kernels = {
    MatmulF32Avx512,      MatmulPackF32Avx512,   MapAvx512,
    ReduceAvx512,         SoftmaxF32Avx512,      NormaliseF32Avx512,
    ScanAvx512,           ConvolutionF32Avx512,  MaxPoolF32Avx512,
    AveragePoolF32Avx512, CanonicalNanF32Avx512, TopKF32Avx512};
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
