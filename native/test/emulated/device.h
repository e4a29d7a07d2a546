// How the emulated device fails, and the kernels that run on it.
#ifndef QUIPU_TEST_EMULATED_DEVICE_H_
#define QUIPU_TEST_EMULATED_DEVICE_H_

#include "kernels/blake3/blake3_kernels.h"
#include "kernels/merkle/merkle.h"
#define CudaProgram EmulatedProgram
#include "program/run_cuda.h"
#undef CudaProgram

namespace quipu::test {

// After so many calls of its runtime the device is lost: all later ones fail. Never, when negative.
void LoseEmulatedDeviceAfter(int calls);
// Calls since then.
int EmulatedCalls();
// Allocations that have not been freed.
int EmulatedAllocations();

}  // namespace quipu::test

namespace quipu::blake3 {
Status SubtreeEmulated(const Subtree& subtree, uint8_t pair[2 * kCvBytes]);
}
namespace quipu::merkle {
Status SubtreeEmulated(const Messages& leaves, size_t first, int height, uint8_t* const levels[]);
}

#endif  // QUIPU_TEST_EMULATED_DEVICE_H_
