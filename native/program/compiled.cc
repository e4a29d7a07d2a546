#include "program/compiled.h"

namespace quipu {

Status CompiledProgram::Run(Backend backend, const ProgramRun& run) {
  const std::lock_guard<std::mutex> lock(running_);
  return RunAlone(backend, run);
}

Status CompiledProgram::TryRun(Backend backend, const ProgramRun& run) {
  const std::unique_lock<std::mutex> lock(running_, std::try_to_lock);
  if (lock.owns_lock()) return RunAlone(backend, run);
  return Error(Code::kConflict, "an asynchronous run of this program is under way",
               "await it first");
}

Status CompiledProgram::RunAlone(Backend backend, const ProgramRun& run) {
  const TensorKernels& kernels = TensorKernelsOf(backend);
  if (run.fast != Fast::kNone && backend != Backend::kCuda) {
    return Error(Code::kBackendUnavailable,
                 std::string("fast products (") + FastName(run.fast) +
                     ") are computed by backend cuda alone, and this run has backend " +
                     BackendName(backend),
                 "ask for backend cuda, or run without fast");
  }
  if (backend != Backend::kCuda) return RunOnCpu(program_, kernels, run, &cpu_);
#if QUIPU_CUDA
  if (cuda_ == nullptr) {
    if (Status s = PrepareOnCpu(program_, kernels, run, &cpu_); !s.ok()) return s;
    cuda_ = std::make_unique<CudaProgram>(program_);
  } else if (!run.go_on(program_.prelude_count)) {
    return RunCancelled();
  }
  Status status = cuda_->Run(run, cpu_.prepared.get());
  if (!status.ok()) {
    cuda_.reset();  // whatever the device still holds is not trusted again
    return status;
  }
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const ProgramTensor& tensor = program_.tensors[program_.outputs[i]];
    DeliverOutput(tensor, kernels, run.outputs[i], run.outputs[i]);
  }
  return status;
#else
  return Error(Code::kBackendUnavailable, "this build has no CUDA kernels");
#endif
}

}  // namespace quipu
