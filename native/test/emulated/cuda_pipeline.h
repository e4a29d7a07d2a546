// Copies to shared memory that a thread starts and later waits for, on the emulated device: they
// happen as late as they may.
#ifndef QUIPU_TEST_EMULATED_CUDA_PIPELINE_H_
#define QUIPU_TEST_EMULATED_CUDA_PIPELINE_H_

#include <cstddef>

void __pipeline_memcpy_async(void* to, const void* from, size_t bytes);
void __pipeline_commit();
void __pipeline_wait_prior(size_t groups);

#endif  // QUIPU_TEST_EMULATED_CUDA_PIPELINE_H_
