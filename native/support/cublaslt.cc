#include "support/cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

namespace quipu::cublaslt {
namespace {

constexpr Result kAllocationFailed = 3;
constexpr Result kMappingError = 11;
constexpr Result kExecutionFailed = 13;
constexpr Result kInternalError = 14;

template <class Function>
void Find(void* file, const char* name, Function* function, std::string* missing) {
  *function = reinterpret_cast<Function>(dlsym(file, name));
  if (*function == nullptr && missing->empty()) *missing = std::string("it lacks ") + name;
}

}  // namespace

Status Unavailable(const std::string& why) {
  return Error(Code::kBackendUnavailable, "fast products need cuBLASLt: " + why,
               "run without fast, or install cuBLAS for CUDA 12 or 13; where it lies in no folder "
               "of the loader, name its file in QUIPU_CUBLASLT");
}

Status Library::Failed(const std::string& what, Result result) const {
  const std::string why = what + " failed: " + result_text(result);
  switch (result) {
    case kAllocationFailed:
      return Error(Code::kDeviceMemory, why, "use a smaller job or the CPU");
    case kMappingError:
    case kExecutionFailed:
    case kInternalError:
      return Error(Code::kDeviceLost, why);
    default:
      return Unavailable(why);
  }
}

Status Open(Library* library) {
  const char* const named = std::getenv("QUIPU_CUBLASLT");
  std::vector<const char*> names = {"libcublasLt.so.13", "libcublasLt.so.12"};
  if (named != nullptr && *named != '\0') names = {named};
  void* file = nullptr;
  std::string why;
  for (const char* const name : names) {
    file = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (file != nullptr) break;
    why += (why.empty() ? "" : "; ") + std::string(dlerror());
  }
  if (file == nullptr) return Unavailable(why);
  std::string missing;
  Find(file, "cublasLtGetStatusString", &library->result_text, &missing);
  Find(file, "cublasLtCreate", &library->create, &missing);
  Find(file, "cublasLtDestroy", &library->destroy, &missing);
  Find(file, "cublasLtMatmulDescCreate", &library->create_description, &missing);
  Find(file, "cublasLtMatmulDescDestroy", &library->destroy_description, &missing);
  Find(file, "cublasLtMatrixLayoutCreate", &library->create_layout, &missing);
  Find(file, "cublasLtMatrixLayoutSetAttribute", &library->set_layout, &missing);
  Find(file, "cublasLtMatrixLayoutDestroy", &library->destroy_layout, &missing);
  Find(file, "cublasLtMatmulPreferenceCreate", &library->create_preference, &missing);
  Find(file, "cublasLtMatmulPreferenceSetAttribute", &library->set_preference, &missing);
  Find(file, "cublasLtMatmulPreferenceDestroy", &library->destroy_preference, &missing);
  Find(file, "cublasLtMatmulAlgoGetHeuristic", &library->propose, &missing);
  Find(file, "cublasLtMatmul", &library->multiply, &missing);
  return missing.empty() ? Status{} : Unavailable(missing);
}

}  // namespace quipu::cublaslt
