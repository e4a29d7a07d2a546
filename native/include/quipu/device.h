// Marks functions whose one definition serves the CPU and the GPU, so that what CPU tests prove of
// them holds on the device.
#ifndef QUIPU_DEVICE_H_
#define QUIPU_DEVICE_H_

#ifdef __CUDACC__
#define QUIPU_HOST_DEVICE __host__ __device__
#define QUIPU_UNROLL _Pragma("unroll")
#define QUIPU_ROLLED _Pragma("unroll 1")
#else
#define QUIPU_HOST_DEVICE
#define QUIPU_UNROLL _Pragma("GCC unroll 16")
#define QUIPU_ROLLED _Pragma("GCC unroll 1")
#endif

#endif  // QUIPU_DEVICE_H_
