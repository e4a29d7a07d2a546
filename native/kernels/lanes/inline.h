// How functions over lanes are declared: always inside their caller, so that no copy that was
// compiled for one instruction set is ever called from code for another.
#ifndef QUIPU_KERNELS_LANES_INLINE_H_
#define QUIPU_KERNELS_LANES_INLINE_H_

#include "quipu/device.h"

#ifdef __CUDACC__
#define QUIPU_LANES QUIPU_HOST_DEVICE static __forceinline__
#else
#define QUIPU_LANES [[gnu::always_inline]] static inline
#endif

#endif  // QUIPU_KERNELS_LANES_INLINE_H_
