// The tensor kernels of each CPU backend, as one table of function pointers.
#ifndef QUIPU_DISPATCH_TENSOR_KERNELS_H_
#define QUIPU_DISPATCH_TENSOR_KERNELS_H_

#include "dispatch/backend.h"
#include "kernels/canonical_nan/canonical_nan.h"
#include "kernels/convolution/convolution.h"
#include "kernels/map/map.h"
#include "kernels/matmul/matmul.h"
#include "kernels/normalise/normalise.h"
#include "kernels/pool/pool.h"
#include "kernels/reduce/reduce.h"
#include "kernels/scan/scan.h"
#include "kernels/softmax/softmax.h"
#include "kernels/topk/topk.h"

namespace quipu {

struct TensorKernels {
  MatmulF32 matmul;
  MatmulPackF32 matmul_pack;  // null: this backend reads matrices as they are
  MapRun map;
  ReduceRun reduce;
  SoftmaxF32 softmax;
  NormaliseF32 normalise;
  ScanRun scan;
  ConvolutionF32 convolution;
  MaxPoolF32 max_pool;
  AveragePoolF32 average_pool;
  CanonicalNanF32 canonical_nan;
  TopKF32 topk;
};

// Of a CPU backend that ResolveBackend gave; for kCuda the best CPU backend, which does the host's
// share of a device run.
const TensorKernels& TensorKernelsOf(Backend backend);

}  // namespace quipu

#endif  // QUIPU_DISPATCH_TENSOR_KERNELS_H_
