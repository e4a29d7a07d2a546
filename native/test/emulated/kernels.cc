// The hash kernels as they are, compiled for the emulated device beside those for a real one.
#define CudaPipeline EmulatedPipeline
#define ForgetCudaError ForgetEmulatedError
#define SubtreeCuda SubtreeEmulated

#include "kernels/blake3/blake3.cu"
#include "kernels/merkle/merkle.cu"
#include "support/cuda_pipeline.cu"
