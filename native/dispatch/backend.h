// Which implementation runs. Probed once; a call may force a backend, the environment variable
// QUIPU_BACKEND forces one for the process, and what cannot be honoured is an error, never a
// silent fallback: a receipt names the backend that ran.
#ifndef QUIPU_DISPATCH_BACKEND_H_
#define QUIPU_DISPATCH_BACKEND_H_

#include <string>
#include <string_view>
#include <vector>

#include "quipu/status.h"

namespace quipu {

enum class Backend { kPortable, kAvx2, kAvx512, kCuda };

// portable, avx2, avx512, cuda
const char* BackendName(Backend backend);

// Fastest CPU backend of this host.
Backend BestCpuBackend();

// `asked` is a name, or empty or "auto" for QUIPU_BACKEND, which may be empty or "auto" too: then
// the best CPU backend. BACKEND_UNAVAILABLE for unknown names and for what this host cannot run.
// Asking for cuda makes device calls.
Status ResolveBackend(std::string_view asked, Backend* backend);

struct CudaDevice {
  int index = 0;
  std::string name;
  size_t memory_bytes = 0;
  int major = 0;
  int minor = 0;
};

struct CudaFacts {
  bool compiled = false;
  bool usable = false;
  std::string reason;  // why not usable, in words
  std::vector<CudaDevice> devices;
};

// Makes device calls, once a process.
const CudaFacts& Cuda();

}  // namespace quipu

#endif  // QUIPU_DISPATCH_BACKEND_H_
