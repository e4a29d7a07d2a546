// Runs a decoded program on CUDA device 0: one arena on the device, operators in order on one
// stream, outputs copied back. Defined only in builds with CUDA.
#ifndef QUIPU_PROGRAM_RUN_CUDA_H_
#define QUIPU_PROGRAM_RUN_CUDA_H_

#include <memory>

#include "program/run_cpu.h"

namespace quipu {

struct CudaAddresses;

class CudaProgram {
 public:
  // `program` must outlive this.
  explicit CudaProgram(const Program& program);
  ~CudaProgram();

  // DEVICE_LOST, DEVICE_MEMORY or what else went wrong; outputs are then unspecified. Output NaN
  // still carry the device's payloads: the caller makes them canonical. `prepared`: what the
  // prelude wrote, which is done on the CPU; read by the first run.
  Status Run(const ProgramRun& run, const uint8_t* prepared);

 private:
  struct Device;
  Status Open(const uint8_t* prepared);
  Status OpenFast(const CudaAddresses& at, Fast precision);

  const Program& program_;
  std::unique_ptr<Device> device_;
  bool has_indices_ = false;  // operators that may tell of a bad one
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_RUN_CUDA_H_
