#include "dispatch/backend.h"

#include <cstdlib>

#include "support/cpu_features.h"

namespace quipu {
namespace {

Status CannotRun(const std::string& name, const std::string& why) {
  return Error(Code::kBackendUnavailable, "backend " + name + " cannot run here: " + why,
               "choose another backend or leave the choice open; `quipu doctor` lists what works");
}

Status Named(const std::string& name, const char* source, Backend* backend) {
  if (name == "portable") {
    *backend = Backend::kPortable;
    return Status{};
  }
  if (name == "avx2") {
    *backend = Backend::kAvx2;
    if (Cpu().avx2) return Status{};
    return CannotRun(name, "the processor or the operating system lacks AVX2, FMA, F16C or BMI2");
  }
  if (name == "avx512") {
    *backend = Backend::kAvx512;
    if (Cpu().avx512) return Status{};
    return CannotRun(name, "the processor or the operating system lacks AVX-512 F, BW, DQ or VL");
  }
  if (name == "cuda") {
    *backend = Backend::kCuda;
    if (Cuda().usable) return Status{};
    return CannotRun(name, Cuda().reason);
  }
  return Error(Code::kBackendUnavailable, std::string(source) + " names no backend: " + name,
               "use portable, avx2, avx512, cuda or auto");
}

}  // namespace

const char* BackendName(Backend backend) {
  switch (backend) {
    case Backend::kPortable:
      return "portable";
    case Backend::kAvx2:
      return "avx2";
    case Backend::kAvx512:
      return "avx512";
    case Backend::kCuda:
      return "cuda";
  }
  return "portable";
}

Backend BestCpuBackend() {
  if (Cpu().avx512) return Backend::kAvx512;
  if (Cpu().avx2) return Backend::kAvx2;
  return Backend::kPortable;
}

Status ResolveBackend(std::string_view asked, Backend* backend) {
  if (!asked.empty() && asked != "auto") return Named(std::string(asked), "the call", backend);
  // Read at each call: JavaScript may set process.env after the addon is loaded.
  const char* forced = std::getenv("QUIPU_BACKEND");
  const std::string name = forced == nullptr ? "" : forced;
  if (!name.empty() && name != "auto") return Named(name, "QUIPU_BACKEND", backend);
  *backend = BestCpuBackend();
  return Status{};
}

}  // namespace quipu
