// A program that is open: decoded once, with the memory that its runs share.
#ifndef QUIPU_PROGRAM_COMPILED_H_
#define QUIPU_PROGRAM_COMPILED_H_

#include <memory>
#include <mutex>

#include "dispatch/backend.h"
#include "program/run_cpu.h"
#if QUIPU_CUDA
#include "program/run_cuda.h"
#endif

namespace quipu {

class CompiledProgram {
 public:
  Status Open(ByteView bytes, uint64_t memory_bytes_max) {
    return DecodeProgram(bytes, memory_bytes_max, &program_);
  }

  const Program& program() const { return program_; }

  // Runs on one backend, never on another instead. Concurrent calls wait for each other.
  Status Run(Backend backend, const ProgramRun& run);
  // The same, or CONFLICT while another call runs it.
  Status TryRun(Backend backend, const ProgramRun& run);

 private:
  Status RunAlone(Backend backend, const ProgramRun& run);

  Program program_;
  std::mutex running_;
  CpuMemory cpu_;
#if QUIPU_CUDA
  std::unique_ptr<CudaProgram> cuda_;
#endif
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_COMPILED_H_
