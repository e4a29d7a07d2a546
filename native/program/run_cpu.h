// Runs a decoded program on the CPU: operators in order, each split over independent outputs, so
// that neither the number of pieces nor the order in which they finish can change a bit.
#ifndef QUIPU_PROGRAM_RUN_CPU_H_
#define QUIPU_PROGRAM_RUN_CPU_H_

#include <functional>
#include <vector>

#include "dispatch/tensor_kernels.h"
#include "program/program.h"

namespace quipu {

struct ProgramRun {
  std::vector<const uint8_t*> inputs;  // sizes are those of the program's first tensors
  std::vector<uint8_t*> outputs;       // sizes are those of the program's output tensors
  size_t pieces = 0;                   // an operator is split into so many; 0 chooses by its size
  std::function<bool()> cancelled;     // asked between operators
};

// Working memory that outlives a run, so that a program that runs often asks for it once.
struct CpuMemory {
  AlignedArray<uint8_t> arena;
  std::vector<AlignedArray<uint8_t>> scratch;  // one a piece
  size_t scratch_bytes = 0;
};

Status RunOnCpu(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                CpuMemory* memory);

// Copies a tensor to where its caller wants it, each NaN made canonical.
void DeliverOutput(const ProgramTensor& tensor, const TensorKernels& kernels, const uint8_t* from,
                   uint8_t* to);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_RUN_CPU_H_
